"""The decision engine: pure Python, standard library only, no clock, no input or output, no randomness, no logging.

Order of evaluation, each stage with its reasons; `decide` runs them, each stands in `stages` under its name:

1. privacy      the strictest effect of all projects, the task's floor and the session's floor (`rules`)
2. feasibility  hard limits remove candidates, soft ones count while another survives (`stages.limits`, `fit`)
3. preference   the task's row, then the first override whose condition holds
4. selection    one of the local candidates
5. fallback     the other permitted side with a warning, or a refusal; never the cloud for protected work (`outcome`)
6. obligations  what the caller must do with the answer, and how to launch (`launch`)

What goes in: `request`, `facts`, and the `bundle`, which carries a `policy` to where it is applied. What comes out:
`answer`, told in the sentences of `explain`. `wire` parses the one and encodes the other. `identity` and `matching` say
which rules hit, `fit` what a Mac can run, `proof` what holds for any request, `reading` turns JSON into values.
"""

ENGINE_VERSION = "1.0.0"
