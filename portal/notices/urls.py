"""Pages of notices."""

from django.urls import path

from portal.notices import views

app_name = "notices"
urlpatterns = [
    path("notices/", views.show, name="own"),
    path("notices/snooze", views.snooze, name="snooze"),
    path("notices/test", views.send_test, name="test"),
    path("notices/webhooks/", views.show_webhooks, name="webhooks"),
    path("notices/webhooks/<slug:public_id>/kinds", views.choose_for_webhook, name="webhook-kinds"),
    path("notices/webhooks/<slug:public_id>/remove", views.remove_webhook, name="webhook-remove"),
    path("notices/webhooks/<slug:public_id>/test", views.test_webhook, name="webhook-test"),
    path("notices/deliveries/", views.show_deliveries, name="deliveries"),
    path("notices/deliveries/<slug:public_id>/resend", views.resend, name="resend"),
]
