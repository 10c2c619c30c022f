"""Every code of reasons, warnings, refusals, remedies and obligations with its sentence in English and Japanese.

One table for all of them: a code means the same wherever it stands. Each sentence may use the values of its `data`;
`*_bytes` values come as gigabytes, whole numbers with separators. docs/reasons.md lists the codes.
"""

from collections.abc import Mapping

LANGUAGES = ("en", "ja")

TEXTS: dict[str, tuple[str, str]] = {
    # privacy
    "rule_matched": (
        "The rule {rule} applies: {effect_words}.{why}",
        "ルール {rule} が適用されます（{effect_words}）。{why}",
    ),
    "opened_by_rule": (
        "The rule {rule} covers remotes of this project: {effect_words}.{why}",
        "ルール {rule} がこのプロジェクトのリモートに該当します（{effect_words}）。{why}",
    ),
    "exception_applied": (
        "The exception {exception} replaces the effect of {rule}: {effect_words}.",
        "例外 {exception} により、{rule} の扱いが変わります（{effect_words}）。",
    ),
    "rule_not_understood": (
        "The rule {rule} uses something that this version does not know, so it restricts everything to this Mac.",
        "ルール {rule} にこの版が知らない内容があるため、すべてをこのMacに限定します。",
    ),
    "unclassified_identified": (
        "The policy for known repositories that no rule names is: {effect_words}.",
        "どのルールにも該当しない既知のリポジトリの扱いは「{effect_words}」です。",
    ),
    "unclassified_anonymous": (
        "The project cannot be identified by its git remotes, and the policy for that is: {effect_words}.",
        "gitのリモートからプロジェクトを特定できません。その場合の扱いは「{effect_words}」です。",
    ),
    "policy_expired": (
        "The policy on this Mac is too old to let a project without a class go to the cloud.",
        "このMacのポリシーが古いため、未分類のプロジェクトはクラウドに送れません。",
    ),
    "task_floor": (
        "The task {task} asks for at least: {effect_words}.",
        "タスク {task} には最低でも「{effect_words}」が必要です。",
    ),
    "session_floor": (
        "This session has worked on protected code before, so it stays: {effect_words}.",
        "このセッションは保護対象のコードを扱ったため、「{effect_words}」のままです。",
    ),
    # feasibility
    "offline_requested": (
        "You asked to stay offline, so the cloud is not a candidate.",
        "オフライン指定のため、クラウドは対象外です。",
    ),
    "task_implies_offline": (
        "The task {task} works without a network, so the cloud is not a candidate.",
        "タスク {task} はネットワークなしで行うため、クラウドは対象外です。",
    ),
    "cloud_unavailable": (
        "The cloud does not answer at the moment, so it is not a candidate.",
        "クラウドは現在利用できないため、対象外です。",
    ),
    "cloud_not_permitted": (
        "The cloud is not permitted for this code.",
        "このコードにクラウドは使えません。",
    ),
    "local_not_permitted": (
        "No backend is permitted for this code.",
        "このコードにはどの実行先も使えません。",
    ),
    "machine_unknown": (
        "It is not known which Mac asks, so no local model can be offered.",
        "どのMacからの依頼か分からないため、ローカルモデルを選べません。",
    ),
    "runtime_absent": (
        "No runtime for local models was found on this Mac.",
        "このMacにローカルモデルのランタイムが見つかりません。",
    ),
    "machine_asleep": (
        "This Mac is asleep.",
        "このMacはスリープ中です。",
    ),
    "machine_away": (
        "This Mac is offline: the portal has not heard from it.",
        "このMacはオフラインです。ポータルに応答がありません。",
    ),
    "runtime_down": (
        "{runtime} is not running.",
        "{runtime} が起動していません。",
    ),
    "runtime_loading": (
        "{runtime} is still loading its model.",
        "{runtime} がモデルを読み込み中です。",
    ),
    "runtime_broken": (
        "{runtime} does not answer as it should ({why}).",
        "{runtime} の応答が正常ではありません（{why}）。",
    ),
    "runtime_not_on_this_machine": (
        "{runtime} listens at an address outside this Mac.",
        "{runtime} はこのMacの外のアドレスで動いています。",
    ),
    "runtime_lacks_messages_api": (
        "{runtime} does not speak the API that this client needs.",
        "{runtime} はこのクライアントに必要なAPIに対応していません。",
    ),
    "model_absent": (
        "{runtime} has no model installed.",
        "{runtime} にモデルがありません。",
    ),
    "model_remote": (
        "{model} answers from another machine, so it is not local.",
        "{model} は別のマシンで動くため、ローカルではありません。",
    ),
    "model_origin_unknown": (
        "It is not known where {model} runs, so it does not count as local.",
        "{model} の実行場所が不明なため、ローカルとして扱えません。",
    ),
    "model_denied": (
        "The policy does not permit the model {model}.",
        "ポリシーでモデル {model} は許可されていません。",
    ),
    "memory_too_small": (
        "{model} needs {needed_bytes}, and {limit_bytes} can be used for models.",
        "{model} には {needed_bytes} が必要ですが、モデルに使えるのは {limit_bytes} です。",
    ),
    "context_over_model": (
        "The request needs {total_tokens} tokens; {model} was made for at most {limit_tokens}.",
        "必要なコンテキスト長は {total_tokens} トークンですが、{model} の上限は {limit_tokens} です。",
    ),
    "context_over_runtime": (
        "The request needs {total_tokens} tokens; {runtime} serves {model} with {limit_tokens}.",
        "必要なコンテキスト長は {total_tokens} トークンですが、{runtime} での {model} の設定は {limit_tokens} です。",
    ),
    "need_missing": (
        "{model} lacks what the task needs: {need}.",
        "{model} はこのタスクに必要な機能（{need}）に対応していません。",
    ),
    "context_over_org_limit": (
        "The request needs {total_tokens} tokens; past {limit_tokens} local answers lose quality.",
        "必要なコンテキスト長は {total_tokens} トークンで、ローカルの品質の目安 {limit_tokens} を超えます。",
    ),
    "quality_below_minimum": (
        "{model} is rated {tier}; the task asks for at least {minimum}.",
        "{model} の評価は {tier} で、このタスクの目安 {minimum} を下回ります。",
    ),
    "licence_excludes_production": (
        "The licence of {model} excludes production use.",
        "{model} のライセンスは業務での利用を認めていません。",
    ),
    "deadline_missed": (
        "The first token of {model} is expected after up to {first_token_s} s; {deadline_s} s were asked for.",
        "{model} の最初の応答は最長 {first_token_s} 秒の見込みで、期限の {deadline_s} 秒を超えます。",
    ),
    "deadline_unknown": (
        "How fast {model} answers here was never measured, so the deadline of {deadline_s} s may be missed.",
        "{model} の速度は未計測のため、期限の {deadline_s} 秒に間に合わないことがあります。",
    ),
    "on_battery": (
        "This Mac runs on battery or saves power.",
        "このMacはバッテリー駆動か省電力モードです。",
    ),
    "memory_pressure": (
        "Memory on this Mac is short at the moment ({level}).",
        "このMacのメモリが不足ぎみです（{level}）。",
    ),
    "facts_old": (
        "What is known of this Mac is older than {limit_s} s.",
        "このMacの情報は {limit_s} 秒より前のものです。",
    ),
    "late_system_unanswered": (
        "{model} gave no answer to a system message in the middle of a conversation, as Claude Code sends it.",
        "{model} は、Claude Code が会話の途中で送るシステムメッセージに応答しませんでした。",
    ),
    "tools_unknown": (
        "It is not known whether {model} can call tools.",
        "{model} がツールを呼び出せるか不明です。",
    ),
    "context_unknown": (
        "{runtime} does not say how much context {model} has.",
        "{runtime} での {model} のコンテキスト長が不明です。",
    ),
    "size_unknown": (
        "The size of {model} is not known, so it may not fit in memory.",
        "{model} のサイズが不明なため、メモリに収まらないことがあります。",
    ),
    "local_candidates": (
        "Local models that can do this: {count}.",
        "実行できるローカルモデルは {count}件です。",
    ),
    # preference
    "task_prefers_cloud": (
        "{task} goes to the cloud when it may.",
        "{task} は、可能ならクラウドで実行します。",
    ),
    "task_prefers_local": (
        "{task} stays local when it can.",
        "{task} は、可能ならローカルで実行します。",
    ),
    "task_either": (
        "{task} can go either way.",
        "{task} はどちらでも実行できます。",
    ),
    "override_applied": (
        "The override {rule} prefers {prefer_words}.",
        "上書き {rule} により {prefer_words} を優先します。",
    ),
    "either_local": (
        "A local model answers soon enough, and the cloud allowance is spared.",
        "ローカルモデルで十分に速く応答でき、クラウド利用枠も節約できます。",
    ),
    "either_cloud_no_pressure": (
        "The cloud is free of pressure, and this task does not ask to save its allowance.",
        "クラウドに余裕があり、このタスクは利用枠の節約を求めません。",
    ),
    "either_cloud_slow": (
        "The local answer would start after up to {first_token_s} s; {deadline_s} s are tolerated.",
        "ローカルの最初の応答は最長 {first_token_s} 秒の見込みで、許容の {deadline_s} 秒を超えます。",
    ),
    "either_cloud_speed_unknown": (
        "How fast the local models answer was never measured: run kirikae bench.",
        "ローカルモデルの速度が未計測です。kirikae bench を実行してください。",
    ),
    "either_cloud_soft_limits": (
        "No local model is free of reservations.",
        "条件をすべて満たすローカルモデルがありません。",
    ),
    # selection
    "selected_only": (
        "{model} is the only candidate.",
        "{model} が唯一の候補です。",
    ),
    "selected_loaded": (
        "{model} is loaded already.",
        "{model} は読み込み済みです。",
    ),
    "selected_wait": (
        "{model} answers soonest.",
        "{model} が最も早く応答します。",
    ),
    "selected_tier": (
        "{model} has the best rating.",
        "{model} の評価が最も高いです。",
    ),
    "selected_name": (
        "{model} is first by name among equals.",
        "同等の候補のうち、名前順で {model} を選びました。",
    ),
    # fallback
    "preferred_backend": (
        "The preferred backend is available: {backend_words}.",
        "優先する実行先を使えます（{backend_words}）。",
    ),
    "fallback_to_local": (
        "The cloud is not available for this, so it runs locally.",
        "クラウドを使えないため、ローカルで実行します。",
    ),
    "fallback_to_cloud": (
        "No local model is available for this, so it goes to the cloud.",
        "使えるローカルモデルがないため、クラウドで実行します。",
    ),
    "nothing_permitted": (
        "No permitted backend is left.",
        "許可された実行先が残っていません。",
    ),
    # obligations stage
    "profile_hardened": (
        "Protected code: the client starts in the hardened profile.",
        "保護対象のコードのため、クライアントを強化プロファイルで起動します。",
    ),
    "profile_slim": (
        "Local work: the client starts with what a local model can carry.",
        "ローカル実行のため、クライアントを軽量プロファイルで起動します。",
    ),
    "profile_plain": (
        "Cloud work: the client starts with your own set-up.",
        "クラウド実行のため、クライアントを通常の設定で起動します。",
    ),
    # warnings
    "quality_loss_local": (
        "{task} usually goes to the cloud: expect weaker reasoning from {model}, and check the result.",
        "{task} は通常クラウド向きです。{model} では推論の質が下がるため、結果を確認してください。",
    ),
    "allowance_spent": (
        "{task} usually stays local: this spends cloud allowance.",
        "{task} は通常ローカル向きです。クラウド利用枠を消費します。",
    ),
    "parallel_agents_reduced": (
        "Protected work is planned with one agent instead of {asked}.",
        "保護対象の作業は {asked} ではなく1つのエージェントで行います。",
    ),
    "client_unknown": (
        "The client is not known, so the largest prompt of all known clients was counted.",
        "クライアントが不明なため、既知の最大のプロンプト長で計算しました。",
    ),
    "client_unproven": (
        "That {client} stays local was never proved: prefer claude for protected code.",
        "{client} がローカルに留まることは検証されていません。保護対象のコードには claude を使ってください。",
    ),
    "task_retired": (
        "The task {task} is retired: ask for another one.",
        "タスク {task} は廃止されています。別のタスクを指定してください。",
    ),
    "sharing_not_available": (
        "Shared machines are not available yet, so this stays on your own Mac.",
        "共有マシンはまだ使えないため、自分のMacで実行します。",
    ),
    "rule_overdue": (
        "The rule {rule} was to be reviewed by {day}; it stays in force.",
        "ルール {rule} は見直し期日（{day}）を過ぎていますが、有効です。",
    ),
    # refusals
    "blocked_by_rule": (
        "Not allowed right now. A rule blocks every backend for this code. Ask an admin to look at the rule.",
        "現在は実行できません。ルールにより、このコードにはどの実行先も使えません。管理者に確認してください。",
    ),
    "no_local_backend": (
        "Not allowed right now. This code may not go to the cloud, and no local model here can do {task}.",
        "現在は実行できません。このコードはクラウドに送れず、{task} を実行できるローカルモデルもありません。",
    ),
    "no_backend_available": (
        "Not possible right now. Neither the cloud nor a local model can do {task}.",
        "現在は実行できません。クラウドでもローカルモデルでも {task} を実行できません。",
    ),
    # remedies
    "request_classification": (
        "Ask an admin to classify this project.",
        "このプロジェクトの分類を管理者に依頼してください。",
    ),
    "request_exception": (
        "Ask an admin for an exception.",
        "管理者に例外を申請してください。",
    ),
    "wake_machine": (
        "Wake the Mac and ask again.",
        "Macを起動して、もう一度お試しください。",
    ),
    "start_runtime": (
        "Start {runtime} and ask again.",
        "{runtime} を起動してから、もう一度お試しください。",
    ),
    "wait_for_runtime": (
        "Wait until {runtime} has loaded its model.",
        "{runtime} の読み込みが終わるまでお待ちください。",
    ),
    "install_runtime": (
        "Install a runtime such as Ollama or llama.cpp, and a model.",
        "Ollamaやllama.cppなどのランタイムとモデルをインストールしてください。",
    ),
    "install_model": (
        "Install a model in {runtime}.",
        "{runtime} にモデルをインストールしてください。",
    ),
    "enrol_machine": (
        "Register this Mac, or name it in the request.",
        "このMacを登録するか、依頼でMacを指定してください。",
    ),
    "raise_context": (
        "Serve {model} with a context of at least {total_tokens} tokens.",
        "{model} のコンテキスト長を {total_tokens} トークン以上にして起動してください。",
    ),
    "shorten_context": (
        "Give it less to read: {total_tokens} tokens are too many.",
        "読ませる量を減らしてください（{total_tokens} トークンは多すぎます）。",
    ),
    "free_memory": (
        "Free {missing_bytes} of memory, or choose a smaller model.",
        "メモリを {missing_bytes} 空けるか、小さいモデルを選んでください。",
    ),
    "use_local_runtime": (
        "Use a model that runs on this Mac.",
        "このMacで動くモデルを使ってください。",
    ),
    "choose_model": (
        "Install a model that fits the task better.",
        "このタスクに合うモデルをインストールしてください。",
    ),
    "wait_for_cloud": (
        "Ask again when the cloud answers.",
        "クラウドが利用できるようになってから、もう一度お試しください。",
    ),
    "go_online": (
        "Ask again when you are online.",
        "オンラインになってから、もう一度お試しください。",
    ),
    "plug_in": (
        "Connect the power adapter.",
        "電源アダプタを接続してください。",
    ),
    "measure_speed": (
        "Measure this Mac once.",
        "このMacを一度計測してください。",
    ),
    # obligations
    "loopback_only": ("Only addresses of this Mac are reached.", "このMacの中のアドレスだけに接続します。"),
    "separate_config_dir": (
        "The client keeps its own settings folder for this work.",
        "この作業専用の設定フォルダを使います。",
    ),
    "no_history": (
        "No transcript is kept that a later session could send.",
        "後のセッションが送信し得る履歴を残しません。",
    ),
    "no_web_tools": ("Web search and web fetch are off.", "ウェブ検索とウェブ取得を無効にします。"),
    "no_mcp": ("MCP servers are off.", "MCPサーバーを無効にします。"),
    "slim_tools": ("Only a few tools are offered.", "使えるツールを絞ります。"),
    "context_cap": ("The context is capped at {value} tokens.", "コンテキスト長を {value} トークンに制限します。"),
    "output_cap": ("An answer is capped at {value} tokens.", "1回の出力を {value} トークンに制限します。"),
    "parallel_agents_max": ("Agents in parallel: at most {value}.", "並列のエージェントは {value}つまでです。"),
    "no_agent_teams": ("Agent teams are off.", "エージェントチームを無効にします。"),
    "deny_read_paths": ("Protected folders cannot be read in this session.", "保護対象のフォルダは読み取れません。"),
    "send_receipt": ("The launch is recorded.", "起動を記録します。"),
    # hints of lint
    "lint_expired": ("{subject} has expired and does nothing.", "{subject} は期限切れで、効果がありません。"),
    "lint_overdue": (
        "{subject} is past its review date and stays in force.",
        "{subject} は見直し期日を過ぎていますが、有効です。",
    ),
    "lint_whole_host": (
        "{subject} covers every repository of a host.",
        "{subject} はホストのすべてのリポジトリに及びます。",
    ),
    "lint_labels_alone": (
        "{subject} goes by labels alone, which only callers of the API send: it protects no session on a Mac.",
        "{subject} はラベルだけで判定します。ラベルを送るのはAPIの呼び出し元だけで、Macのセッションは保護されません。",
    ),
    "lint_redundant": ("{subject} adds nothing to {other}.", "{subject} は {other} に何も加えません。"),
    "lint_never_opens": (
        "{subject} opens nothing: {other} closes all of it.",
        "{subject} は何も開きません。{other} がすべて閉じています。",
    ),
    "lint_excepts_nothing": (
        "{subject} excepts nothing: {other} does not match what it names.",
        "{subject} は何も例外にしません。{other} の対象に含まれていません。",
    ),
    "lint_only_retired": (
        "{subject} names retired tasks only.",
        "{subject} は廃止されたタスクだけを指しています。",
    ),
    "lint_never_fires": (
        "{subject} never decides: {other} holds whenever it would.",
        "{subject} が判定することはありません。先に {other} が成立します。",
    ),
    # near misses
    "near_miss": (
        "{rule} almost applied: {key} is {got}, and {wanted} was wanted.",
        "{rule} は惜しくも不一致です（{key} は {got}、条件は {wanted}）。",
    ),
}

_WORDS: dict[str, tuple[str, str]] = {
    "block": ("no backend", "利用禁止"),
    "local_only": ("only this Mac", "ローカル限定"),
    "org_only": ("only the team's own machines", "社内限定"),
    "cloud_ok": ("the cloud is allowed", "クラウド可"),
    "local": ("local", "ローカル"),
    "cloud": ("the cloud", "クラウド"),
    "either": ("either", "どちらでも"),
}


class _Words(dict[str, str]):
    """A value that is not there reads as a dash: a sentence is never lost for want of a detail."""

    def __missing__(self, key: str) -> str:
        return "–"


def text_of(code: str, data: Mapping[str, object], language: str) -> str:
    """The sentence for `code`. An unknown code is its own sentence, so that nothing is hidden."""
    texts = TEXTS.get(code)
    if texts is None:
        return code
    at = 1 if language == "ja" else 0
    words = _Words({key: _word(key, value) for key, value in data.items() if value is not None})
    words["why"] = _why(data.get("why"), language)
    for key in ("effect", "prefer", "backend"):
        if key in words:
            words[f"{key}_words"] = _WORDS.get(words[key], (words[key],) * 2)[at]
    return texts[at].format_map(words)


def _why(value: object, language: str) -> str:
    """What the rule's author wrote, as a further sentence; a runtime's trouble comes as a plain word."""
    if isinstance(value, Mapping):
        text = str(value.get(language) or value.get("en") or value.get("ja") or "")
        return f" ({text})" if text and language != "ja" else text and f"（{text}）"
    return str(value or "")


def _word(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if key.endswith("_bytes"):
        return f"{value / 1e9:.1f} GB"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
