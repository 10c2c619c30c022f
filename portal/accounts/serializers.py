"""How the API names a person: by the public id, never by an address."""

from rest_framework import serializers

from portal.accounts.models import User


class PersonSerializer(serializers.ModelSerializer[User]):
    id = serializers.CharField(source="public_id")

    class Meta:
        model = User
        fields = ("id", "name")
