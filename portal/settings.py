"""All settings of the portal. They read the environment through `portal.env`; docs/operations.md describes them."""

from pathlib import Path
from typing import Any

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _
from kombu.entity import Queue

from portal import backends, env, mail, secret_files

env.refuse_unknown_names()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.read_path("KIRIKAE_DATA_DIR", default=BASE_DIR / "var")
BASE_URL = env.read_url("KIRIKAE_BASE_URL", default="")

SECRET_KEY = env.read_text("KIRIKAE_SECRET_KEY", default="") or secret_files.read_or_create(DATA_DIR / "secret_key")
# Newest first: new tokens are stored under the first, older ones still verify under the rest.
TOKEN_PEPPERS = secret_files.read_or_create_lines(DATA_DIR / "token_peppers")
SIGNING_KEY_FILE = DATA_DIR / "signing_key.pem"

DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "portal.common",
    "portal.accounts",
    "portal.audit",
    "portal.demo",
    "portal.backups",
    "portal.embedded",
    "portal.health",
    "portal.incidents",
    "portal.notices",
    "portal.processes",
    "portal.retention",
    "portal.setup",
    "portal.weekly",
    "machines",
    "routing",
]
MIDDLEWARE = [
    "routing.shell_errors.shell_errors",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "portal.common.middleware.refuse_unreadable_body",
    "portal.common.middleware.ignore_odd_session",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.common.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.common.middleware.OrganisationTime",
    "portal.common.middleware.show_turning_characters",
    "portal.error_pages.show_not_allowed",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.common.shell.shell",
            ],
        },
    },
]
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

DATABASES = {"default": backends.database(env.read_text("KIRIKAE_DATABASE_URL", default=""), folder=DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# Only our own files: the REST framework's browsable pages are not served, and collecting them takes seconds.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CSRF_FAILURE_VIEW = "portal.error_pages.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = BASE_URL.startswith("https://")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
# A proxy that ends TLS speaks plain HTTP to us, so we would take `Origin: https://…` for that of another site.
CSRF_TRUSTED_ORIGINS = [env.origin_of(BASE_URL)] if BASE_URL else []

REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["portal.common.permissions.DenyAll"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["portal.common.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.common.problems.handle_exception",
    "UNAUTHENTICATED_USER": None,
    # The form of an answer is asked for by Accept alone.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kirikae",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["portal.api_schema.tell_problems", "portal.api_schema.forget_column_sizes"],
}

# Without both there is no mail: notices then go to webhooks alone, and the page says so.
MAIL_FROM = env.read_text("KIRIKAE_MAIL_FROM", default="")
MAILERS = mail.mailers(env.read_text("KIRIKAE_MAIL_URL", default=""), sender=MAIL_FROM)
# Webhooks reach public addresses over TLS; these as well, and over plain HTTP.
WEBHOOK_NETWORKS = env.read_networks("KIRIKAE_WEBHOOK_NETWORKS")

REDIS_URL = env.read_text("KIRIKAE_REDIS_URL", default="")
CACHES = {"default": backends.cache(REDIS_URL)}

# JSON only, no results, no remote control (on a folder it leaves files behind).
_broker = backends.broker(REDIS_URL, folder=DATA_DIR / "queue")
CELERY_BROKER_URL = _broker["url"]
CELERY_BROKER_TRANSPORT_OPTIONS = _broker["options"]
# A task whose worker dies is done again by another one.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# One worker takes from all queues; a team may give each kind of work workers of its own (`serve worker --queues`).
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in backends.QUEUES]  # type: ignore[no-untyped-call] # kombu has no types
CELERY_TASK_DEFAULT_QUEUE = "house"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES: dict[str, Any] = {
    "demo.keep_alive": {"queue": "poll"},
    "health.worker_heartbeat": {"queue": "house"},
    "incidents.tell": {"queue": "notify"},
    "machines.forget_enrolments": {"queue": "house"},
    "machines.enqueue_polls": {"queue": "poll"},
    "machines.poll_chunk": {"queue": "poll"},
    "machines.refresh_catalogue": {"queue": "house"},
    "machines.retire_silent": {"queue": "house"},
    "machines.watch": {"queue": "ingest"},
    "notices.deliver": {"queue": "notify"},
    "retention.forget_old_rows": {"queue": "house"},
    "weekly.tell": {"queue": "notify"},
}
CELERY_BEAT_SCHEDULER = "portal.celery:SteadyScheduler"
# Messages expire before the next one is due: after a pause of the worker nothing is done twice.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "machines": {"task": "machines.watch", "schedule": 10.0, "options": {"expires": 10.0}},
    "polls": {"task": "machines.enqueue_polls", "schedule": 15.0, "options": {"expires": 15.0}},
    "enrolments": {"task": "machines.forget_enrolments", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "catalogue": {"task": "machines.refresh_catalogue", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "silent": {"task": "machines.retire_silent", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "demo": {"task": "demo.keep_alive", "schedule": 30.0, "options": {"expires": 30.0}},
    "incidents": {"task": "incidents.tell", "schedule": 15.0, "options": {"expires": 15.0}},
    "notices": {"task": "notices.deliver", "schedule": 5.0, "options": {"expires": 5.0}},
    "old-rows": {"task": "retention.forget_old_rows", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "weekly-summary": {"task": "weekly.tell", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "worker-heartbeat": {"task": "health.worker_heartbeat", "schedule": 15.0, "options": {"expires": 15.0}},
}

# Proxies whose word on where a request came from is taken; empty: none's.
TRUSTED_PROXIES = env.read_networks("KIRIKAE_TRUSTED_PROXIES")

# Where agents send what they send by themselves, on the host of the portal's address; without it, to that address.
AGENTS_PORT = env.read_port("KIRIKAE_AGENTS_PORT")

# Where the portal may look for itself; empty: nowhere.
POLL_NETWORKS = env.read_networks("KIRIKAE_POLL_NETWORKS")

# Macs that were silent for so long are retired; without it none is.
RETIRE_AFTER_DAYS = env.read_optional_days("KIRIKAE_RETIRE_AFTER_DAYS")

# Older rows are deleted each hour; audit entries and policy revisions never are.
DECISIONS_KEEP_DAYS = env.read_days("KIRIKAE_DECISIONS_KEEP_DAYS", default=90)
RECEIPTS_KEEP_DAYS = env.read_days("KIRIKAE_RECEIPTS_KEEP_DAYS", default=90)
NOTICES_KEEP_DAYS = env.read_days("KIRIKAE_NOTICES_KEEP_DAYS", default=90)
ENROLMENTS_KEEP_DAYS = env.read_days("KIRIKAE_ENROLMENTS_KEEP_DAYS", default=90)
TOKENS_KEEP_DAYS = env.read_days("KIRIKAE_TOKENS_KEEP_DAYS", default=90)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"outages": {"()": "portal.common.outages.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Refusals (4xx) are no events of the log, and their addresses may hold a one-time token.
    "loggers": {
        # httpx would log a line for each machine that is polled.
        "httpx": {"level": "WARNING"},
        # It would repeat, for each try to connect, what the error says once that ends the wait.
        "psycopg.pool": {"level": "ERROR"},
        "django.request": {"level": "ERROR", "filters": ["outages"]},
    },
}
