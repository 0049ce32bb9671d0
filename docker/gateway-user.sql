-- What the gateway connects as. It only reads; the owner of the tables is the user that MySQL's image makes.
CREATE USER 'gateway' IDENTIFIED BY 'gateway-password';
GRANT SELECT ON exports.* TO 'gateway';
