"""The portal's settings for tests: a data folder of their own, quick passwords, nothing collected."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_data_dir = tempfile.mkdtemp(prefix="kirikae-test-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["KIRIKAE_DATA_DIR"] = _data_dir
# Whatever the terminal of the tests speaks, they read English.
os.environ["KIRIKAE_LANG"] = "en"

from portal.settings import *  # noqa: E402, F403 - the data folder must be known before

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
(Path(_data_dir) / "static").mkdir()
