-- The user of the gateway, which only reads. The MySQL image creates the owner of the tables.
CREATE USER 'gateway' IDENTIFIED BY 'gateway-password';
GRANT SELECT ON exports.* TO 'gateway';
