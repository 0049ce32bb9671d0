"""Runs OpenStack Swift as one process: a proxy that speaks S3, and behind it an account, a container and an object server,
each on its own loopback port, with one folder as the disk.

usage: swift_server.py FOLDER ACCESS_KEY SECRET

The access key has the form account:user. Writes the port of the proxy to standard output when it listens. Removes the folder
and ends when standard input ends, so that it never outlives the process that started it.
"""

import array
import os
import shutil
import sys

import eventlet
import eventlet.wsgi

eventlet.monkey_patch(all=False, socket=True, select=True, thread=True)
folder, access_key, secret = sys.argv[1:]

with open(os.path.join(folder, 'swift.conf'), 'w') as conf:
    conf.write('[swift-hash]\nswift_hash_path_suffix = of-the-tests\n')
    conf.write('[storage-policy:0]\nname = only\ndefault = yes\n')
disks = os.path.join(folder, 'disks')
os.makedirs(os.path.join(disks, 'disk'))

# Before the other modules of Swift, which read the configuration when they are imported.
from swift.common import utils  # noqa: E402

utils.set_swift_dir(folder)

from swift.account.server import AccountController  # noqa: E402
from swift.common.middleware import catch_errors, slo, tempauth  # noqa: E402
from swift.common.middleware.s3api import s3api  # noqa: E402
from swift.common.ring import RingData  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.container.server import ContainerController  # noqa: E402
from swift.obj.server import ObjectController  # noqa: E402
from swift.proxy.server import Application  # noqa: E402

reload_storage_policies()


def serve(app):
    """Serves on a free port, which it returns."""
    sock = eventlet.listen(('127.0.0.1', 0))
    options = {'log_output': False, 'debug': False, 'socket_timeout': 60}
    eventlet.spawn(eventlet.wsgi.server, sock, app, **options)
    return sock.getsockname()[1]


def save_ring(name, port):
    device = {'id': 0, 'zone': 0, 'region': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'disk'}
    device.update({'weight': 1.0, 'replication_ip': '127.0.0.1', 'replication_port': port, 'meta': ''})
    # One replica of 2 ** 2 partitions, all on device 0.
    ring = RingData([array.array('H', [0, 0, 0, 0])], [device], 30)
    ring.save(os.path.join(folder, name + '.ring.gz'))


class NullCache:
    """Tempauth requires a cache; the methods of this one do nothing."""

    def __getattr__(self, _name):
        return lambda *_, **__: None


storage = {'swift_dir': folder, 'devices': disks, 'mount_check': 'false', 'disable_fallocate': 'true'}
for name, controller in (
    ('account', AccountController),
    ('container', ContainerController),
    ('object', ObjectController),
):
    save_ring(name, serve(controller(dict(storage))))

app = Application({'swift_dir': folder, 'account_autocreate': 'true', 'allow_account_management': 'true'})
account_and_user = access_key.replace(':', '_')
for factory, settings in (
    (slo.filter_factory, {}),
    (tempauth.filter_factory, {'user_' + account_and_user: secret + ' .admin'}),
    (s3api.filter_factory, {'location': 'us-east-1', 'storage_domain': 'localhost', 's3_acl': 'false'}),
    (catch_errors.filter_factory, {}),
):
    app = factory({'swift_dir': folder}, **settings)(app)

cache = NullCache()
print(serve(lambda env, start: app({**env, 'swift.cache': cache}, start)), flush=True)
eventlet.tpool.execute(sys.stdin.read)
shutil.rmtree(folder)
