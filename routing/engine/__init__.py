"""The decision engine: pure Python, standard library only, no clock, no input or output, no randomness, no logging.

Order of evaluation, each stage with its reasons:

1. privacy      the strictest effect of all projects, the task's floor and the session's floor (`rules`)
2. feasibility  hard limits remove candidates, soft ones count while another survives (`feasibility`, `fit`)
3. preference   the task's row, then the first override whose condition holds (`preference`)
4. selection    one of the local candidates (`selection`)
5. fallback     the other permitted side with a warning, or a refusal; never the cloud for protected work
6. obligations  what the caller must do with the answer, and how to launch (`launch`)

`decide.decide` runs them. `wire` parses requests and encodes answers, `bundle` carries a policy to where it is applied.
"""

ENGINE_VERSION = "1.0.0"
