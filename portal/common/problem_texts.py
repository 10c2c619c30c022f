"""Every code of an API error, with what it means and what to do. The page that `docs` leads to shows them."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# In the order of the page: who calls, what was sent, what it is about, and the portal itself.
SECTIONS: dict[str, Promise] = {
    "token": _("Tokens"),
    "access": _("Access"),
    "csrf": _("Access"),
    "request": _("The request"),
    "accept": _("The request"),
    "content_type": _("The request"),
    "method": _("The request"),
    "json": _("The request"),
    "field": _("Fields"),
    "cursor": _("Fields"),
    "task": _("Fields"),
    "chip": _("Fields"),
    "memory": _("Fields"),
    "rate": _("Limits"),
    "enrolment": _("Macs"),
    "machine": _("Macs"),
    "report": _("Macs"),
    "decision": _("Macs"),
    "model": _("Macs"),
    "policy": _("The policy"),
    "id": _("The policy"),
    "match": _("The policy"),
    "pattern": _("The policy"),
    "file": _("The policy"),
    "resource": _("The portal"),
    "database": _("The portal"),
    "server": _("The portal"),
}

TEXTS: dict[str, Promise] = {
    "token.missing": _("No token came with the request. Send the header Authorization: Bearer and the token."),
    "token.unknown": _("This portal did not give this token. Enrol the Mac again, or ask an admin for a new token."),
    "token.expired": _("The token's time is over. A Mac enrols again; for a service an admin makes a new one."),
    "token.revoked": _("Somebody took the token back. Ask an admin before you enrol again."),
    "token.scope_missing": _("The token may do less than this call needs. The error names the scope to ask for."),
    "token.no_machine": _("The token belongs to no Mac in use. Enrol the Mac again."),
    "access.denied": _("Whoever asks may not do this. Ask an owner or a policy admin."),
    "csrf.failed": _("The form is too old or came from another site. Reload the page and send it again."),
    "request.malformed": _("The request cannot be read. Compare it with the API description at /api/v1/schema."),
    "request.invalid": _("A value is not what the call takes. The error names the field and what is allowed."),
    "request.refused": _("The request was refused for the reason in the error's sentence."),
    "request.encoded": _(
        "The body is packed, or its header says so, and nothing here unpacks it. Send it without Content-Encoding."
    ),
    "request.length_required": _("Send the body with a Content-Length: bodies of unknown length are not read."),
    "request.too_large": _("The body is too large. Send less; the error names the limit."),
    "request.too_many": _("Too many requests of this Mac wait for an admin. Wait for an answer."),
    "request.too_many_parameters": _("The address has too many parameters. Send them as a body."),
    "accept.unsupported": _("The answer does not exist in this format. Ask for JSON, plain text or shell."),
    "content_type.unsupported": _("The body is not JSON by its header. Send Content-Type: application/json."),
    "method.not_allowed": _("The address exists, but not for this method. The API description names the right one."),
    "json.not_utf8": _("The body is not UTF-8. The error says from which byte on."),
    "json.malformed": _("The body is not JSON. The error says where."),
    "json.duplicate_key": _("A key stands twice in one object, so it is not clear which one counts. Send it once."),
    "json.too_deep": _("The body nests too deeply. Send a flatter one."),
    "json.not_a_number": _("NaN and Infinity are no JSON. Send a number or null."),
    "json.number_too_long": _("A number has too many digits to be kept as it is. Send a shorter one."),
    "json.refused_character": _("A text holds a character that no name has, such as NUL. Leave it out."),
    "field.invalid": _("The field's value is not among what is allowed. The error names both."),
    "field.missing": _("A field that must be there is not. The error names it."),
    "field.unknown": _("A field is not known here. It may be misspelt, or the portal is older than the caller."),
    "field.repeated": _("The parameter stands more than once. Give it once."),
    "cursor.invalid": _("The mark of a page is not one that this portal gave. Begin again without it."),
    "task.unknown": _("There is no such kind of task. The error names those that there are."),
    "chip.unknown": _("The chip is not known. Give its GPU cores and memory bandwidth as well."),
    "memory.missing": _("Say how much memory the Mac has."),
    "rate.limited": _("Too many requests in a short time. Wait as long as Retry-After says."),
    "enrolment.unknown": _("No such enrolment waits: it ended, was answered or never began. Start again."),
    "enrolment.too_many": _("Too many enrolments were started. Wait, or use a join key."),
    "enrolment.join_key_invalid": _("The join key is unknown, expired or used up. Ask an admin for a new one."),
    "machine.unknown": _("There is no such Mac in use."),
    "machine.not_yours": _("A Mac may ask only for itself."),
    "machine.name_taken": _("Too many Macs have this name. Choose another one with --name."),
    "machine.no_report": _("The Mac has not told yet what it has. Run kirikae report on it."),
    "machine.quarantined": _("The Mac is in quarantine. Ask an admin to look at it."),
    "report.duplicate": _("An entry stands twice in the report. The error names it."),
    "report.later": _("Too many Macs report at the same time. Wait as long as Retry-After says."),
    "report.too_many_models": _("The report names more models than are taken of one Mac. Remove some."),
    "report.schema_unknown": _("The report is of another version. Update the agent or the portal."),
    "decision.not_yours": _("The decision belongs to another Mac, so no receipt of this one is taken."),
    "model.unknown": _("The catalogue has no such model. Add it on the page of the models."),
    "model.unchanged": _("Nothing was changed of this shipped model, so there is nothing to restore."),
    "policy.missing": _("No policy was published yet, so nothing can be decided. Publish one first."),
    "policy.invalid": _("The policy has problems. All of them are named, with their places."),
    "id.duplicate": _("Two rules have the same code. Each code stands once."),
    "match.empty": _("A rule has no pattern, so it would match nothing. Give at least one."),
    "pattern.invalid": _("A pattern is not one that a rule may have. The error says what is allowed."),
    "file.bad_key": _("The file has a key of a kind that YAML allows and a policy does not. Use plain texts."),
    "file.bad_number": _("The file has a number that cannot be kept as it is. Write a plain one."),
    "file.bad_syntax": _("The file is not YAML. The error names the line."),
    "file.duplicate_key": _("A key stands twice in the file. Keep one of them."),
    "file.not_utf8": _("The file is not a text in UTF-8. The error names the first byte that is not."),
    "file.too_deep": _("The file nests too deep. The error names the line."),
    "file.too_large": _("The file is too large, or holds too many values. The error names the limit."),
    "resource.not_found": _("There is nothing at this address, or it is not yours to see."),
    "database.unavailable": _("The portal's database does not answer. Nothing was changed; wait for Retry-After."),
    "server.error": _("The portal failed. It is in its log, and nothing was decided: treat it as no answer."),
}


def list_sections() -> list[tuple[Promise, list[tuple[str, Promise]]]]:
    """The sections with their codes and sentences."""
    found: dict[str, tuple[Promise, list[tuple[str, Promise]]]] = {}
    for code, text in TEXTS.items():
        title = SECTIONS[code.partition(".")[0]]
        found.setdefault(str(title), (title, []))[1].append((code, text))
    return list(found.values())
