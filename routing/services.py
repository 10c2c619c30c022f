"""The services of routing by name; each lives in the module of its subject."""

from routing.publishing import change_policy, ensure_first_revision, load_bundle, publish_revision

__all__ = ["change_policy", "ensure_first_revision", "load_bundle", "publish_revision"]
