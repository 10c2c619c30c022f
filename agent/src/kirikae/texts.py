"""Every sentence a person reads from the agent, in English and Japanese; what the engine explains comes from there."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Not printable to Python, and harmless.
WIDE_SPACES = "\u00a0\u3000"

TEXTS: Mapping[str, tuple[str, str]] = {
    # Help
    "help.program": (
        "Which backend for this task, in this project, on this machine?",
        "この作業、このプロジェクト、このマシンでは、どのバックエンドを使うか。",
    ),
    "help.enrol": ("register this machine at a portal", "このマシンをポータルに登録する"),
    "help.report": ("send this machine's facts to the portal", "このマシンの情報をポータルに送る"),
    "help.bench": ("measure a local model and send the result", "ローカルモデルを計測し、結果を送る"),
    "help.models": ("list the local runtimes and models", "ローカルのランタイムとモデルを一覧する"),
    "help.fit": ("show which models this machine can run", "このマシンで動かせるモデルを表示する"),
    "help.context": ("tokens of context to plan for", "想定するコンテキスト長（トークン）"),
    "help.all": ("models that do not fit, too", "収まらないモデルも表示する"),
    "help.sync": ("fetch and verify the policy", "ポリシーを取得して検証する"),
    "help.ask": ("answer which backend a task gets", "作業に使うバックエンドを答える"),
    "help.run": ("launch a client with the backend of the answer", "答えのバックエンドでクライアントを起動する"),
    "help.request": ("ask the admins about this project", "このプロジェクトについて管理者に依頼する"),
    "help.request_kind": ("classify it, or make an exception for it", "分類するか、例外を認めるか"),
    "help.reason": ("why, in a sentence that the admins read", "管理者が読む理由（一文）"),
    "help.guard": (
        "stop a session of Claude Code that the policy forbids (a hook)",
        "ポリシーが禁じる Claude Code のセッションを止める（フック）",
    ),
    "help.doctor": ("check what a launch needs", "起動に必要なものを点検する"),
    "help.service": ("keep the agent running in the background", "エージェントをバックグラウンドで動かす"),
    "help.statusline": (
        "keep the rate limits of Claude Code's status line and print one",
        "Claude Codeのステータス行の利用上限を記録し、1行を表示する",
    ),
    "help.shell-init": ("print aliases and completion for a shell", "シェル用のエイリアスと補完を表示する"),
    "help.shell": ("the shell that will read it", "読み込むシェル"),
    "help.action": (
        "install or remove it, show its status, or run it here",
        "インストール、削除、状態の表示、またはここで実行",
    ),
    "help.listen": (
        "also answer the portal's health question at this IP:PORT",
        "この IP:PORT でポータルの状態確認にも応答する",
    ),
    "help.url": ("address of the portal", "ポータルのアドレス"),
    "help.join_key": ("key that registers without a person", "承認なしで登録するためのキー"),
    "help.name": ("name of this machine in the portal", "ポータルでのこのマシンの名前"),
    "help.show": ("print the report instead of sending it", "送らずにレポートを表示する"),
    "help.depth": (
        "only prompts of so many tokens (512, 4096, 16384)",
        "このトークン数のプロンプトだけ（512、4096、16384）",
    ),
    "help.model": ("only this model", "このモデルだけ"),
    "help.task": ("task category, such as commit-message", "作業の種類（例: commit-message）"),
    "help.project": ("another folder that the task reads", "作業が読む別のフォルダー"),
    "help.context_tokens": ("tokens of the task itself", "作業そのもののトークン数"),
    "help.parallel_agents": ("agents that work at once", "同時に動くエージェントの数"),
    "help.needs": ("tools, vision, or both with a comma", "tools、vision、またはカンマ区切りで両方"),
    "help.client": ("client that will do the work", "作業を行うクライアント"),
    "help.mode": ("how the client runs", "クライアントの動かし方"),
    "help.offline": ("answer as if there were no network", "ネットワークがないものとして答える"),
    "help.json": ("print the whole answer as JSON", "答え全体をJSONで表示する"),
    "help.why": ("print the reasons stage by stage", "理由を段階ごとに表示する"),
    "help.dry_run": ("print the answer and launch nothing", "答えを表示し、何も起動しない"),
    "help.allow": (
        "launch this program of your own for protected work, although nothing of it is proven",
        "保護された作業に、試験されていない自分のプログラムを起動する",
    ),
    "help.command": ("client and its arguments, after --", "-- の後にクライアントと引数"),
    "help.version": ("print the version", "バージョンを表示する"),
    # Errors
    "usage.unknown_need": (
        "{text} is none of what a task may need: {known}",
        "{text} は指定できません（使えるもの: {known}）",
    ),
    "usage.not_whole": (
        "{text} is no whole number from {low} to {high}",
        "{text} は {low} から {high} までの整数ではありません",
    ),
    "usage": ("kirikae: {detail}; see `kirikae --help`.", "kirikae: {detail}。`kirikae --help` を見てください。"),
    "folder.gone": (
        "The folder that you are in was removed; change to one that is there.",
        "現在のフォルダーは削除されています。存在するフォルダーに移動してください。",
    ),
    "run.no_client": (
        "No client to launch; type `kirikae run -- claude`.",
        "起動するクライアントがありません。`kirikae run -- claude` と入力してください。",
    ),
    "not_enrolled": (
        "This machine is not enrolled; type `kirikae enrol URL` with the address of your portal.",
        "このマシンは登録されていません。`kirikae enrol URL` にポータルのアドレスを付けて入力してください。",
    ),
    "token_damaged": (
        "{path} does not hold a token any more; type `kirikae enrol URL` to register this machine again.",
        "{path} の内容はトークンではありません。`kirikae enrol URL` と入力して、このマシンを登録し直してください。",
    ),
    "bundle.missing": (
        "There is no policy on this machine yet; type `kirikae sync`.",
        "このマシンにはまだポリシーがありません。`kirikae sync` と入力してください。",
    ),
    "bundle.damaged": (
        "The policy in {path} does not match its digest or cannot be read; type `kirikae sync`.",
        "{path} のポリシーがダイジェストと一致しないか、読めません。`kirikae sync` と入力してください。",
    ),
    "bundle.bad_signature": (
        "The portal's policy is not signed by the key pinned at enrolment, so the last good one stays in force; "
        "ask your admin, then type `kirikae enrol {url}`.",
        "ポータルのポリシーの署名が登録時に固定した鍵と合わないため、前のポリシーを使い続けます。"
        "管理者に確認してから `kirikae enrol {url}` と入力してください。",
    ),
    "bundle.older": (
        "The portal sent policy revision {revision}, older than revision {kept} seen before, which stays in force; "
        "ask your admin whether a backup was restored.",
        "ポータルが送ったポリシーのリビジョン {revision} は、以前のリビジョン {kept} より古いため、{kept} を使い続けます。"
        "バックアップから復元したか、管理者に確認してください。",
    ),
    "bundle.unreadable": (
        "The portal's policy cannot be read by this version ({detail}), so the last good one stays in force; "
        "update kirikae, then type `kirikae sync`.",
        "ポータルのポリシーをこの版では読めないため（{detail}）、前のポリシーを使い続けます。"
        "kirikae を更新してから `kirikae sync` と入力してください。",
    ),
    "portal.unreachable": (
        "The portal at {url} does not answer; check that it runs, then type the command again.",
        "{url} のポータルが応答しません。動いているか確認し、もう一度実行してください。",
    ),
    "portal.odd_answer": (
        "{url} answered {status} and not as a Kirikae portal does; check the address.",
        "{url} は {status} を返し、Kirikae のポータルの応答ではありません。アドレスを確認してください。",
    ),
    "portal.bad_url": (
        "{url} is no address of a portal; type `kirikae enrol https://HOST`.",
        "{url} はポータルのアドレスではありません。`kirikae enrol https://HOST` と入力してください。",
    ),
    "portal.url_with_user": (
        "The address of a portal holds no user or password; type `kirikae enrol https://HOST` without them.",
        "ポータルのアドレスにユーザー名やパスワードは含められません。付けずに `kirikae enrol https://HOST` と入力してください。",
    ),
    "portal.refused": (
        "The portal refused ({problem}): {detail} Type `kirikae doctor` to check this machine.",
        "ポータルが拒否しました（{problem}）: {detail} `kirikae doctor` でこのマシンを点検してください。",
    ),
    "enrol.denied": (
        "The request was denied in the portal; ask your admin, then type `kirikae enrol {url}`.",
        "ポータルで登録が拒否されました。管理者に確認してから `kirikae enrol {url}` と入力してください。",
    ),
    "enrol.expired": (
        "The code was not approved in time; type `kirikae enrol {url}` for a new one.",
        "コードが時間内に承認されませんでした。`kirikae enrol {url}` で新しいコードを取得してください。",
    ),
    "home.not_writable": (
        "{path} cannot be written; set KIRIKAE_HOME to a folder of your own.",
        "{path} に書き込めません。KIRIKAE_HOME に自分のフォルダーを指定してください。",
    ),
    "output.no_room": (
        "What was to be said could not be written where the output goes, which is full; free some space there.",
        "出力先に空きがないため、結果を書き込めませんでした。空きを増やしてください。",
    ),
    "home.disk_full": (
        "The disk is full: {path} cannot be written; free some space, then type the command again.",
        "ディスクがいっぱいで {path} に書き込めません。空きを作ってから、もう一度コマンドを入力してください。",
    ),
    "home.in_project": (
        "The state folder {path} lies in a project, which could bring its own policy; unset KIRIKAE_HOME, or set it to "
        "a folder of your own outside of projects.",
        "状態フォルダー {path} がプロジェクトの中にあり、プロジェクトが独自のポリシーを持ち込めてしまいます。"
        "KIRIKAE_HOME を外すか、プロジェクトの外にある自分のフォルダーを指定してください。",
    ),
    "home.not_own": (
        "{path} holds files that are not Kirikae's and is open to others; set KIRIKAE_HOME to a new folder of your own.",
        "{path} には Kirikae のものではないファイルがあり、他の人にも開かれています。"
        "KIRIKAE_HOME に自分用の新しいフォルダーを指定してください。",
    ),
    "home.folders_unread": (
        "{path}, which names the folders of protected work, cannot be read, so no session in the cloud starts; delete "
        "it, then type `kirikae run -- claude` once in each of those folders.",
        "保護された作業のフォルダーを記した {path} が読めないため、クラウドのセッションは開始しません。このファイルを削除し、"
        "該当する各フォルダーで一度 `kirikae run -- claude` と入力してください。",
    ),
    "runtimes.not_loopback": (
        "KIRIKAE_RUNTIMES names {url}, which is not this machine; name a loopback address, or set "
        "KIRIKAE_RUNTIMES_ALLOW_REMOTE=1 (its models then count as remote).",
        "KIRIKAE_RUNTIMES の {url} はこのマシンではありません。ループバックのアドレスにするか、"
        "KIRIKAE_RUNTIMES_ALLOW_REMOTE=1 を設定してください（そのモデルはリモート扱いになります）。",
    ),
    "runtimes.too_many": (
        "KIRIKAE_RUNTIMES names more than {limit} addresses; name fewer.",
        "KIRIKAE_RUNTIMES のアドレスが {limit}個を超えています。減らしてください。",
    ),
    "runtimes.bad_url": (
        "KIRIKAE_RUNTIMES holds {url}, which is no address; write it like http://127.0.0.1:8080.",
        "KIRIKAE_RUNTIMES の {url} はアドレスではありません。http://127.0.0.1:8080 のように書いてください。",
    ),
    "bench.no_model": (
        "No local model is loaded to measure; load one, then type `kirikae models`.",
        "計測できるローカルモデルが読み込まれていません。読み込んでから `kirikae models` と入力してください。",
    ),
    "bench.unknown_depth": (
        "There is no depth of {depth} tokens; `kirikae bench` measures at 512, 4096 and 16384.",
        "{depth} トークンの計測はありません。`kirikae bench` は 512、4096、16384 で計測します。",
    ),
    "bench.unknown_model": (
        "There is no local model '{model}'; `kirikae models` lists those there are.",
        "ローカルモデル「{model}」はありません。`kirikae models` で一覧できます。",
    ),
    "bench.not_measured": (
        "The runtime at {runtime} is of a kind that is not measured; use Ollama, LM Studio, llama-server, MLX or oMLX.",
        "{runtime} のランタイムは計測できない種類です。Ollama、LM Studio、llama-server、MLX、oMLX を使ってください。",
    ),
    "bench.failed": (
        "Measuring {model} at {runtime} failed; type `kirikae models` to see its state.",
        "{runtime} の {model} の計測に失敗しました。`kirikae models` で状態を確認してください。",
    ),
    "request.unknown_task": (
        "There is no task category '{task}'; known: {known}.",
        "「{task}」という作業の種類はありません。使えるもの: {known}。",
    ),
    "request.invalid": (
        "The request is not valid ({field}): {detail}",
        "依頼が正しくありません（{field}）: {detail}",
    ),
    "run.refused": (
        "kirikae: not launched: {text} Type `kirikae ask {task} --why` for the reasons.",
        "kirikae: 起動しませんでした: {text} 理由は `kirikae ask {task} --why` で確認できます。",
    ),
    "run.unknown_obligation": (
        "The answer asks for '{obligation}', which this version does not know, so nothing was launched; "
        "update kirikae, then type the command again.",
        "この版が知らない「{obligation}」が求められたため、起動しませんでした。kirikae を更新してから、もう一度実行してください。",
    ),
    "run.runtime_silent": (
        "The runtime at {runtime} does not answer, so nothing was launched; start it, then type `kirikae models`.",
        "{runtime} のランタイムが応答しないため、起動しませんでした。起動してから `kirikae models` と入力してください。",
    ),
    "run.runtime_loading": (
        "The runtime at {runtime} is still loading a model, so nothing was launched; type the command again in a moment.",
        "{runtime} のランタイムがモデルを読み込み中のため、起動しませんでした。少し待ってから、もう一度実行してください。",
    ),
    "run.model_missing": (
        "The runtime at {runtime} no longer has the model {model}, so nothing was launched; type `kirikae models`.",
        "{runtime} のランタイムにモデル {model} がなくなったため、起動しませんでした。`kirikae models` と入力してください。",
    ),
    "run.model_remote": (
        "{model} at {runtime} may be computed on another machine, so nothing was launched; type `kirikae models`.",
        "{runtime} の {model} は別のマシンで計算される可能性があるため、起動しませんでした。`kirikae models` と入力してください。",
    ),
    "run.context_small": (
        "{model} is loaded with a context of {has} tokens and this work needs {wanted}, so nothing was launched; "
        "load it with a larger context.",
        "{model} は {has} トークンのコンテキストで読み込まれていますが、この作業には {wanted} 必要なため、起動しませんでした。"
        "より大きいコンテキストで読み込んでください。",
    ),
    "run.checking_model": (
        "kirikae: asking {model} two short questions, once for this version of its runtime…",
        "kirikae: {model} に短い質問を2つします（このランタイムの版で1回だけ）…",
    ),
    "run.model_slow": (
        "{model} at {runtime} did not answer within three minutes, so nothing was launched; type `kirikae bench`.",
        "{runtime} の {model} が3分以内に応答しないため、起動しませんでした。`kirikae bench` と入力してください。",
    ),
    "run.model_no_answer": (
        "{runtime} broke off when {model} was asked, so nothing was launched; look at the log of the runtime.",
        "{model} への質問の途中で {runtime} との接続が切れたため、起動しませんでした。ランタイムのログを確認してください。",
    ),
    "run.no_system_message": (
        "{model} at {runtime} answers no system message in the middle of a conversation, as Claude Code sends it, so "
        "nothing was launched; update the runtime, or choose another model.",
        "{runtime} の {model} は、Claude Code が会話の途中で送るシステムメッセージに答えないため、起動しませんでした。"
        "ランタイムを更新するか、別のモデルを選んでください。",
    ),
    "run.no_tool_call": (
        "{model} at {runtime} does not answer a tool call as one, and Claude Code works through tools, so nothing was "
        "launched; update the runtime, or choose another model.",
        "{runtime} の {model} はツール呼び出しを正しい形で返さず、Claude Code はツールで動くため、起動しませんでした。"
        "ランタイムを更新するか、別のモデルを選んでください。",
    ),
    "run.talks_only": (
        "kirikae: {model} answers no tool call as one, so Claude Code can only talk with it.",
        "kirikae: {model} はツール呼び出しを正しい形で返さないため、Claude Code は会話しかできません。",
    ),
    "run.managed_wins": (
        "{file}, laid on this machine by an administrator, sets {key}, which a protected launch cannot undo, so nothing "
        "was launched; ask your admin to take it out.",
        "管理者がこのマシンに置いた {file} が {key} を設定しており、保護された起動では無効にできないため、起動しませんでした。"
        "管理者に外してもらってください。",
    ),
    "run.client_not_proven": (
        "It was not proven that {client} keeps everything on this machine, so nothing was launched for this protected "
        "project; use claude.",
        "{client} がすべてをこのマシンにとどめることは確かめられていないため、保護されたプロジェクトでは起動しませんでした。"
        "claude を使ってください。",
    ),
    "run.client_by_hand": (
        "kirikae: {client} was not launched: set it up as shown above and start it yourself.",
        "kirikae: {client} は起動しませんでした。上のとおりに設定し、自分で起動してください。",
    ),
    "run.client_too_old": (
        "{client} {version} is older than {first}, with which protected launches were tried, so nothing was launched; "
        "update it.",
        "{client} {version} は、保護された起動を試した {first} より古いため、起動しませんでした。更新してください。",
    ),
    "run.instructions": (
        "{client} takes its model from its own settings:",
        "{client} はモデルを自分の設定から読みます:",
    ),
    "run.program_not_proven": (
        "It was not proven that {program} keeps everything on this machine, so nothing was launched for this protected "
        "project; use claude, or `kirikae run --allow {program} -- {program} …` if you answer for it: that is noted.",
        "{program} がすべてをこのマシンにとどめることは確かめられていないため、保護されたプロジェクトでは起動しませんでした。"
        "claude を使うか、自分の責任で `kirikae run --allow {program} -- {program} …` と入力してください（記録されます）。",
    ),
    "run.not_confined": (
        "kirikae: nothing below the client keeps the programs that it starts from the network on this machine; "
        "type `kirikae doctor` to learn what is missing.",
        "kirikae: このマシンには、クライアントが起動するプログラムをネットワークから遮断する仕組みがありません。"
        "足りないものは `kirikae doctor` で確認できます。",
    ),
    "run.commands_confined": (
        "kirikae: on this machine only the commands that Claude Code runs are kept from the network, not the client "
        "itself; type `kirikae doctor` to learn what is missing.",
        "kirikae: このマシンでネットワークから遮断されるのは Claude Code が実行するコマンドだけで、クライアント自体は遮断されません。"
        "足りないものは `kirikae doctor` で確認できます。",
    ),
    "run.sandbox_managed": (
        "kirikae: managed settings set Claude Code's own sandbox, which cannot start within Kirikae's, so nothing else "
        "keeps the client from the network; ask your admin to take `sandbox` out.",
        "kirikae: 管理設定が Claude Code 自身のサンドボックスを設定しており、Kirikae の遮断と併用できないため、"
        "クライアントは他の方法では遮断されません。管理者に `sandbox` を外してもらってください。",
    ),
    "run.confinement_failed": (
        "The client could not be kept from the network ({step}), so nothing was launched; type `kirikae doctor`.",
        "クライアントをネットワークから遮断できなかったため（{step}）、起動しませんでした。`kirikae doctor` と入力してください。",
    ),
    "run.own_program": (
        "kirikae: this program is none of the clients that were tried; it is pointed at the local model, but what it "
        "does besides is not checked.",
        "kirikae: このプログラムは試験済みのクライアントではありません。ローカルモデルに向けますが、それ以外の動作は確認しません。",
    ),
    "run.left_aside": (
        "kirikae: not read in this protected session: {file} ({keys})",
        "kirikae: この保護されたセッションでは読みません: {file}（{keys}）",
    ),
    "request.sent": (
        "The admins see the request {id} at {url}/requests/; its answer comes with the next `kirikae sync`.",
        "管理者は {url}/requests/ で依頼 {id} を確認できます。回答は次の `kirikae sync` で届きます。",
    ),
    "request.answered": (
        "  answered: your request ({kind}) was answered with policy revision {revision}",
        "  回答: 依頼（{kind}）はポリシーのリビジョン {revision} で回答されました",
    ),
    "request.declined": (
        "  answered: your request ({kind}) was declined",
        "  回答: 依頼（{kind}）は認められませんでした",
    ),
    "guard.session": (
        "Kirikae stopped this: work in this folder must stay on this machine ({rules}). Type `kirikae run -- claude` here, "
        "or `kirikae request classify` if that is wrong.",
        "Kirikae が止めました。このフォルダーの作業はこのマシンにとどめる必要があります（{rules}）。ここで `kirikae run -- claude`、"
        "誤りなら `kirikae request classify` と入力してください。",
    ),
    "guard.folder": (
        "Kirikae stopped this: the folder holds protected work, which only a protected session may read.",
        "Kirikae が止めました。このフォルダーには保護された作業があり、保護されたセッションだけが読めます。",
    ),
    "guard.transcript": (
        "Kirikae stopped this: the conversation was held in {folder}, which holds protected work; begin a new one.",
        "Kirikae が止めました。この会話は保護された作業のある {folder} で行われました。新しい会話を始めてください。",
    ),
    "guard.leads": (
        "Kirikae stopped this: the client reads {file} by itself, by a link or an import (`@…`) in its instructions, and "
        "that is protected work, which only a protected session may read. Take the link away.",
        "Kirikae が止めました。クライアントは指示ファイルのリンクまたは取り込み（`@…`）から {file} を自動で読みますが、"
        "それは保護された作業で、保護されたセッションだけが読めます。リンクを外してください。",
    ),
    "guard.too_many_files": (
        "{folder} holds too many files to look through",
        "{folder} のファイルが多すぎて確認できません",
    ),
    "guard.too_wide": (
        "{folder} holds too many folders to look for protected work in; search in one of them",
        "{folder} はフォルダーが多すぎて、保護された作業の有無を確認できません。中のフォルダーを指定して検索してください",
    ),
    "guard.own_state": (
        "Kirikae stopped this: its own state is not read or written by a session.",
        "Kirikae が止めました。Kirikae 自身の状態はセッションから読み書きできません。",
    ),
    "guard.no_rule": ("no rule opens it", "許可するルールなし"),
    "guard.undecided": (
        "Kirikae stopped this, because it could not decide: {text}",
        "判断できないため Kirikae が止めました: {text}",
    ),
    "guard.broken": (
        "Kirikae stopped this, because its guard failed; type `kirikae doctor`.",
        "ガードが失敗したため Kirikae が止めました。`kirikae doctor` と入力してください。",
    ),
    "run.unguarded": (
        "{argument} starts a session that the guard is not asked about, and this machine's policy protects work; leave it "
        "out.",
        "{argument} で始めたセッションはガードの確認を受けません。このマシンのポリシーには保護される作業があるため、外してください。",
    ),
    "run.settings_unread": (
        "The settings that --settings names cannot be read, so the guard cannot be added to them; name a file that "
        "holds a JSON object, or leave the option out.",
        "--settings の設定が読めないため、ガードを追加できません。JSON オブジェクトのファイルを指定するか、--settings を外してください。",
    ),
    "run.task_assumed": (
        "kirikae: no task was named, so this counts as {task}; name one with --task.",
        "kirikae: 作業の指定がないため {task} として扱います。--task で指定できます。",
    ),
    "run.not_loopback": (
        "The answer must stay on this machine but names {runtime}, so nothing was launched; type `kirikae doctor`.",
        "このマシンにとどまるべき答えが {runtime} を指しているため、起動しませんでした。`kirikae doctor` と入力してください。",
    ),
    "run.argument_refused": (
        "'{argument}' is not among the arguments that protected work takes, so nothing was launched; leave it out.",
        "「{argument}」は保護された作業で使える引数ではないため、起動しませんでした。外してください。",
    ),
    "run.client_missing": (
        "There is no program '{client}'; install it, or check its name.",
        "プログラム「{client}」がありません。インストールするか、名前を確認してください。",
    ),
    "service.runs_already": (
        "The service runs already; type `kirikae service status`.",
        "サービスはすでに動いています。`kirikae service status` と入力してください。",
    ),
    "service.no_socket": (
        "The socket {path} cannot be made; set KIRIKAE_HOME to a folder of your own with a shorter path.",
        "ソケット {path} を作れません。KIRIKAE_HOME に、より短いパスの自分のフォルダーを指定してください。",
    ),
    "service.no_address": (
        "{address} cannot be listened on; name an address of this machine and a free port.",
        "{address} では待ち受けできません。このマシンのアドレスと空いているポートを指定してください。",
    ),
    "service.bad_address": (
        "{address} is no address to listen on; write it like 192.168.1.20:7411.",
        "{address} は待ち受けできるアドレスではありません。192.168.1.20:7411 のように書いてください。",
    ),
    "service.not_started": (
        "{path} was written, but the system did not start it; type `kirikae service run` to run it here.",
        "{path} を書き込みましたが、システムが起動しませんでした。`kirikae service run` でここで実行できます。",
    ),
    # What commands say
    "service.writes": ("Writes {path}:", "{path} に次の内容を書き込みます:"),
    "service.installed": (
        "The service runs; it starts again when you sign in.",
        "サービスが動いています。サインインすると自動的に起動します。",
    ),
    "service.removed": ("Removed {path}.", "{path} を削除しました。"),
    "service.runs": ("The service runs (process {pid}).", "サービスは動いています（プロセス {pid}）。"),
    "service.stands": (
        "The service does not run; type `kirikae service install`.",
        "サービスは動いていません。`kirikae service install` と入力してください。",
    ),
    "service.installed_at": ("Installed in {path}.", "{path} にインストールされています。"),
    "service.not_installed": ("The service is not installed.", "サービスはインストールされていません。"),
    "service.last_success": ("The portal last answered at {at}.", "ポータルの最後の応答: {at}"),
    "service.entrance": (
        "Messages go to port {port}, which the portal has for agents.",
        "送信先はポータルのエージェント用ポート {port} です。",
    ),
    "service.no_success": (
        "The portal has not answered the service yet.",
        "ポータルはサービスにまだ応答していません。",
    ),
    "service.last_error": (
        "Last problem: {code} (failed tries since: {failures}).",
        "最後の問題: {code}（その後の失敗: {failures}回）。",
    ),
    "service.policy": ("Policy revision {revision} is in force.", "ポリシーのリビジョン {revision} が有効です。"),
    "service.waiting": ("Receipts waiting: {count}.", "送信待ちの起動記録: {count}件。"),
    "service.put_aside": (
        "Receipts that are damaged or that the portal does not read: {count}, in {folder}; show them to an admin.",
        "壊れているか、ポータルが読めない起動記録: {count}件（{folder}）。管理者に見せてください。",
    ),
    "enrol.code": (
        "Open {url}\nand approve the code {code}. It holds for ten minutes.",
        "{url} を開き、\nコード {code} を承認してください。10分間有効です。",
    ),
    "enrol.sent": ("This machine was described as: {hardware}", "このマシンについて送った内容: {hardware}"),
    "enrol.done": ("Enrolled as {name} ({machine}).", "{name}（{machine}）として登録しました。"),
    "report.sent": (
        "Report sent (runtimes: {runtimes}, models: {models}).",
        "レポートを送りました（ランタイム: {runtimes}、モデル: {models}）。",
    ),
    "sync.changed": ("Policy revision {revision} is in force.", "ポリシーのリビジョン {revision} が有効になりました。"),
    "sync.unchanged": ("Policy revision {revision} is still current.", "ポリシーのリビジョン {revision} は最新です。"),
    "sync.receipts": ("Receipts sent: {count}.", "起動記録を送りました: {count}件。"),
    "bench.result": (
        "{model} at {depth} tokens: prompt {prompt} tokens/s (±{prompt_spread} %), decode {decode} tokens/s "
        "(±{decode_spread} %), first token after {first} s, {runs} runs",
        "{model}（{depth} トークン）: プロンプト {prompt} トークン/秒（±{prompt_spread} %）、生成 {decode} トークン/秒"
        "（±{decode_spread} %）、最初のトークンまで {first} 秒、計測 {runs}回",
    ),
    "bench.progress": ("{model}  {depth} tokens  {bar}  run {run}", "{model}  {depth} トークン  {bar}  {run}回目"),
    "bench.unsteady": (
        "{model} at {depth} tokens: unsteady, its medians are only sure to within {share} %; close what works beside "
        "it, then type `kirikae bench`.",
        "{model}（{depth} トークン）: 計測値が安定せず、中央値の誤差は最大{share} %です。"
        "ほかの処理を止めてから `kirikae bench` と入力してください。",
    ),
    "bench.skipped.context": (
        "{model} at {depth} tokens: not measured, its context is smaller.",
        "{model}（{depth} トークン）: コンテキスト長が足りないため計測しません。",
    ),
    "bench.skipped.memory": (
        "{model} at {depth} tokens: not measured, too little memory is free; close what you do not need.",
        "{model}（{depth} トークン）: 空きメモリが足りないため計測しません。不要なアプリを閉じてください。",
    ),
    "bench.skipped.time": (
        "{model} at {depth} tokens: not measured, it would take too long at this speed.",
        "{model}（{depth} トークン）: この速度では時間がかかりすぎるため計測しません。",
    ),
    "bench.skipped.failed": (
        "{model} at {depth} tokens: the runtime failed; type `kirikae models` to see its state.",
        "{model}（{depth} トークン）: ランタイムが失敗しました。`kirikae models` で状態を確認してください。",
    ),
    "bench.checks": (
        "{model} takes a system message in the middle: {system}; answers a tool call as one: {tools}",
        "{model} 会話の途中のシステムメッセージに対応: {system}、ツール呼び出しに対応: {tools}",
    ),
    "bench.checks_unanswered": (
        "{model} did not answer the two questions of a launch; type `kirikae models` to see its state.",
        "{model} は起動前の2つの質問に答えませんでした。`kirikae models` で状態を確認してください。",
    ),
    "bench.under_pressure": (
        "Stopped at {model}: memory pressure is {level}; close what you do not need, then type `kirikae bench`.",
        "{model} で中止しました: メモリ負荷が{level}です。不要なアプリを閉じてから `kirikae bench` と入力してください。",
    ),
    "pressure.normal": ("normal", "正常"),
    "pressure.warning": ("high", "高め"),
    "pressure.critical": ("critical", "危険"),
    "pressure.unknown": ("unknown", "不明"),
    "models.none": (
        "No runtime answers on this machine; start Ollama or llama-server, or name one in KIRIKAE_RUNTIMES.",
        "このマシンで応答するランタイムがありません。Ollama か llama-server を起動するか、KIRIKAE_RUNTIMES に指定してください。",
    ),
    "models.runtime": ("{name} at {url}: {state}", "{name}（{url}）: {state}"),
    "models.head": (
        "model|size|quantization|context|loaded|can|where",
        "モデル|サイズ|量子化|コンテキスト|読み込み|対応|場所",
    ),
    "models.no_model": (
        "It lists no model; load one in it.",
        "モデルが一覧にありません。ランタイムで読み込んでください。",
    ),
    "models.loaded": ("loaded", "読み込み済み"),
    "models.at_most": ("up to {tokens}", "最大 {tokens}"),
    "models.tools": ("tools", "ツール"),
    "models.vision": ("vision", "画像"),
    "models.local": ("on this machine", "このマシン"),
    "models.remote": ("on another machine", "別のマシン"),
    "models.unknown": ("origin unknown (counts as remote)", "場所が不明（リモート扱い）"),
    "state.up": ("up", "稼働中"),
    "state.loading": ("loading a model", "モデルを読み込み中"),
    "state.down": ("down", "停止"),
    "broken.garbage": (
        "broken: what it answers is not what a runtime answers; restart it, or check what listens there",
        "異常: ランタイムの応答ではありません。再起動するか、そのポートのプログラムを確認してください",
    ),
    "broken.timeout": (
        "broken: it does not answer in time; restart it, or wait until it is less busy",
        "異常: 時間内に応答しません。再起動するか、空くまで待ってください",
    ),
    "broken.too_large": (
        "broken: its answer is larger than any list of models; check what listens there",
        "異常: 応答が大きすぎます。そのポートのプログラムを確認してください",
    ),
    "broken.http_error": (
        "broken: it answers with an error; see its log, and whether it wants a key",
        "異常: エラーを返します。ログと、キーが必要かどうかを確認してください",
    ),
    "broken.refused": ("broken: it refuses the connection; start it", "異常: 接続を拒否します。起動してください"),
    "broken.redirected": (
        "broken: it sends on to another address, which is not followed; check what listens there",
        "異常: 別のアドレスへ転送します（追いません）。そのポートのプログラムを確認してください",
    ),
    "statusline.failed": (
        "kirikae: {command} did not run; check the status line's command",
        "kirikae: {command} を実行できません。ステータス行のコマンドを確認してください",
    ),
    "statusline.quota": ("cloud allowance left: {percent} %", "クラウドの残り利用枠: {percent}%"),
    "unknown": ("unknown", "不明"),
    "yes": ("yes", "はい"),
    "no": ("no", "いいえ"),
    "answer.local": ("local: {model} {quantization} at {runtime}", "ローカル: {model} {quantization}（{runtime}）"),
    "answer.cloud": ("cloud", "クラウド"),
    "answer.none": ("refused: {text}", "拒否: {text}"),
    "answer.reason": ("  because: {text}", "  理由: {text}"),
    "answer.warning": ("  warning: {text}", "  警告: {text}"),
    "answer.remedy": ("  you can: {text} {command}", "  できること: {text} {command}"),
    "answer.near_miss": ("  almost: {text}", "  惜しくも不一致: {text}"),
    "answer.obligation": ("  must: {text}", "  義務: {text}"),
    "stage.privacy": ("Privacy", "保護"),
    "stage.feasibility": ("Feasibility", "実行できるか"),
    "stage.preference": ("Preference", "優先"),
    "stage.selection": ("Selection", "モデルの選択"),
    "stage.fallback": ("Fallback", "代わり"),
    "stage.obligations": ("Obligations", "義務"),
    "policy.fresh": ("fresh", "最新"),
    "policy.stale": ("not confirmed recently", "最近の確認なし"),
    "policy.expired": ("too old", "古すぎます"),
    "answer.policy": (
        "policy revision {revision}, confirmed {age} s ago ({state})",
        "ポリシー リビジョン {revision}、{age} 秒前に確認（{state}）",
    ),
    "answer.lacks_roots": (
        "a rule goes by first commits, and this clone does not show its own (it is shallow, or too long to walk), so it "
        "counts as unknown: git fetch --unshallow, or git commit-graph write --reachable",
        "最初のコミットで判定するルールがありますが、このクローンからは最初のコミットが分からない（履歴が浅いか、長すぎる）"
        "ため、不明なプロジェクトとして扱います。git fetch --unshallow または git commit-graph write --reachable",
    ),
    "answer.unread_markers": (
        '{path} cannot be read as `markers = ["name"]`, so the project counts as unknown; mend the file',
        '{path} を `markers = ["name"]` の形で読めないため、不明なプロジェクトとして扱います。ファイルを直してください',
    ),
    "answer.unread_submodules": (
        "git cannot read {path}, so the project counts as unknown; mend the file",
        "git が {path} を読めないため、不明なプロジェクトとして扱います。ファイルを直してください",
    ),
    "answer.git_refuses": (
        "git does not open the repository {path}, so the project counts as unknown; `git status` there says why",
        "git が {path} のリポジトリを開けないため、不明なプロジェクトとして扱います。そこで `git status` を実行すると"
        "理由が分かります",
    ),
    "policy.withdrawn": (
        "the portal gives this machine no policy any more, so only local work is answered where it is not open; "
        "type `kirikae sync`, and ask an admin.",
        "ポータルがこのマシンへのポリシー提供をやめたため、公開可でない作業はローカルだけになります。"
        "`kirikae sync` と入力し、管理者に確認してください。",
    ),
    "policy.older": (
        "a newer policy than this one was seen here, so only local work is answered where it is not open; "
        "type `kirikae sync`.",
        "これより新しいポリシーがこのマシンで使われていたため、公開可でない作業はローカルだけになります。"
        "`kirikae sync` と入力してください。",
    ),
    "policy.clock_back": (
        "this machine's clock stands before a time that was seen here, so the policy's age is unknown; set the clock, "
        "then type `kirikae sync`.",
        "このマシンの時計が以前に記録した時刻より前のため、ポリシーの古さが分かりません。時計を合わせてから "
        "`kirikae sync` と入力してください。",
    ),
    "project.too_many": (
        "This session would read {count} projects, and {most} are the most that are judged at once; name fewer folders, "
        "or start in one that holds fewer.",
        "このセッションが読むプロジェクトは {count}件ですが、一度に判定できるのは {most}件までです。フォルダーを減らすか、"
        "別のフォルダーで始めてください。",
    ),
    "project.too_many_remotes": (
        "The repository {path} has {count} addresses of remotes, and {most} are the most that are judged; remove some "
        "with `git remote remove`.",
        "{path} のリポジトリにはリモートのアドレスが {count}件ありますが、判定できるのは {most}件までです。"
        "`git remote remove` で減らしてください。",
    ),
    "ask.no_folder": (
        "There is no folder {folder}; name one that is there after --project.",
        "フォルダー {folder} がありません。--project には存在するフォルダーを指定してください。",
    ),
    "fit.machine": (
        "{chip}, {limit} for models ({source}), {tokens} tokens of context",
        "{chip}、モデルに使えるメモリー {limit}（{source}）、コンテキスト {tokens} トークン",
    ),
    "fit.source.reported": ("as the system reports", "システムの値"),
    "fit.source.default": ("macOS default", "macOSの既定値"),
    "fit.source.memory": ("all memory", "全メモリー"),
    "fit.unknown_chip": ("unknown chip: benchmark to learn", "不明なチップ（計測すると分かります）"),
    "fit.head": (
        "MODEL\tFORM\tNEEDS\tFITS\tMAX CONTEXT\tTOKENS/S\tFIRST TOKEN\tBASIS\tRATING",
        "モデル\t形式\t必要量\t判定\t最大コンテキスト\tトークン/秒\t最初の応答\t根拠\t評価",
    ),
    "fit.verdict.fits": ("yes", "収まる"),
    "fit.verdict.tight": ("tight", "ぎりぎり"),
    "fit.verdict.too_large": ("no", "収まらない"),
    "fit.verdict.unknown": ("unknown", "不明"),
    "fit.verdict.forbidden": ("forbidden", "禁止"),
    "fit.verdict.too_long": ("no: too long", "長すぎる"),
    "fit.basis.measured": ("measured", "計測"),
    "fit.basis.corrected": ("corrected", "補正"),
    "fit.basis.fleet": ("team", "チーム"),
    "fit.basis.formula": ("formula", "計算"),
    "fit.tier.basic": ("basic", "基本"),
    "fit.tier.good": ("good", "良い"),
    "fit.tier.strong": ("strong", "高い"),
    "fit.none": (
        "No model of the catalogue fits; --all shows them all.",
        "カタログのモデルはどれも収まりません。--all で全部を表示します。",
    ),
    "doctor.ok": ("ok    {check}", "正常  {check}"),
    "doctor.bad": ("bad   {check}: {text}", "異常  {check}: {text}"),
    "doctor.note": ("note  {check}: {text}", "注意  {check}: {text}"),
    "doctor.home": ("state folder", "状態フォルダー"),
    "doctor.enrolment": ("enrolment", "登録"),
    "doctor.policy": ("policy", "ポリシー"),
    "doctor.runtimes": ("runtimes", "ランタイム"),
    "doctor.git": ("git", "git"),
    "doctor.portal": ("portal", "ポータル"),
    "doctor.service": ("service", "サービス"),
    "doctor.memory": ("memory", "メモリ"),
    "doctor.client": ("Claude Code", "Claude Code"),
    "doctor.policy_expired": (
        "the policy was last confirmed {hours} h ago, so only local work is answered where it is not open; "
        "type `kirikae sync`.",
        "ポリシーの最後の確認から {hours} 時間たっているため、公開可でない作業はローカルだけになります。"
        "`kirikae sync` と入力してください。",
    ),
    "doctor.service_stands": (
        "it does not run, so the portal learns nothing on its own; type `kirikae service install`.",
        "動いていないため、ポータルに自動で伝わりません。`kirikae service install` と入力してください。",
    ),
    "doctor.memory_short": (
        "memory pressure is {level}, so local models are avoided; close what you do not need.",
        "メモリ負荷が{level}のため、ローカルモデルは避けられます。不要なアプリを閉じてください。",
    ),
    "doctor.client_missing": (
        "there is no program `claude` on the PATH; install it, or launch another client.",
        "PATH に `claude` がありません。インストールするか、別のクライアントを使ってください。",
    ),
    "doctor.runtime_broken": (
        "none of its models is used until it answers again; then type `kirikae report`.",
        "再び応答するまで、このランタイムのモデルは使われません。復旧後に `kirikae report` と入力してください。",
    ),
    "doctor.no_messages_api": (
        "it has no Messages API, which Claude Code needs; use Ollama 0.14, LM Studio 0.4, llama-server or oMLX.",
        "Claude Code に必要な Messages API がありません。Ollama 0.14、LM Studio 0.4、llama-server、oMLX を使ってください。",
    ),
    "doctor.link_unknown": (
        "whether LM Link is off is not known, so its models count as remote; type `lms link status`, and install `lms` "
        "with `~/.lmstudio/bin/lms bootstrap` if it is missing.",
        "LM Link が無効か分からないため、モデルはリモート扱いです。`lms link status` で確認し、"
        "`lms` がなければ `~/.lmstudio/bin/lms bootstrap` で入れてください。",
    ),
    "doctor.small_context.ollama": (
        "{model} takes {tokens} tokens, too few for Claude Code; type `launchctl setenv OLLAMA_CONTEXT_LENGTH 32768` "
        "and restart Ollama.",
        "{model} のコンテキスト長 {tokens} は Claude Code には足りません。"
        "`launchctl setenv OLLAMA_CONTEXT_LENGTH 32768` と入力し、Ollama を再起動してください。",
    ),
    "doctor.small_context.llama_cpp": (
        "{model} takes {tokens} tokens, too few for Claude Code; start llama-server with `-c 32768 -np 1`.",
        "{model} のコンテキスト長 {tokens} は Claude Code には足りません。"
        "llama-server を `-c 32768 -np 1` で起動してください。",
    ),
    "doctor.small_context.lm_studio": (
        "{model} takes {tokens} tokens, too few for Claude Code; type `lms load {model} --context-length 32768`.",
        "{model} のコンテキスト長 {tokens} は Claude Code には足りません。"
        "`lms load {model} --context-length 32768` と入力してください。",
    ),
    "doctor.small_context.other": (
        "{model} takes {tokens} tokens, too few for Claude Code; start its runtime with a larger context.",
        "{model} のコンテキスト長 {tokens} は Claude Code には足りません。より長いコンテキストで起動してください。",
    ),
    "doctor.confinement": ("confinement", "ネットワーク遮断"),
    "doctor.commands_confined": (
        "protected work confines only the commands that Claude Code runs. {remedy}",
        "保護された作業で遮断されるのは Claude Code が実行するコマンドだけです。{remedy}",
    ),
    "doctor.not_confined": (
        "nothing below the client keeps protected work from the network. {remedy}",
        "保護された作業をクライアントの下でネットワークから遮断するものがありません。{remedy}",
    ),
    "doctor.namespaces_restricted": (
        "This system forbids namespaces to programs without a profile; type "
        "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or `sudo apt install bubblewrap socat` to "
        "confine at least the commands.",
        "このシステムはプロファイルのないプログラムに名前空間を許していません。"
        "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`、またはコマンドだけでも遮断するには "
        "`sudo apt install bubblewrap socat` と入力してください。",
    ),
    "doctor.namespaces_off": (
        "This user may make no network of its own; type `sudo sysctl -w user.max_user_namespaces=10000`, and in a "
        "container allow `unshare`.",
        "このユーザーは自分専用のネットワークを作れません。`sudo sysctl -w user.max_user_namespaces=10000` と入力し、"
        "コンテナの中では `unshare` を許可してください。",
    ),
    "doctor.profile_fails": (
        "The system's sandbox did not hold a trial; type `sandbox-exec -p '(version 1)(allow default)' /usr/bin/true` "
        "to see what it says.",
        "システムのサンドボックスが試験に通りませんでした。"
        "`sandbox-exec -p '(version 1)(allow default)' /usr/bin/true` と入力して内容を確かめてください。",
    ),
    "doctor.sandbox_in_file": (
        "Managed settings set Claude Code's own sandbox, which cannot start within Kirikae's; type `sudo vi {path}` and "
        "take `sandbox` out, or ask your admin to.",
        "管理設定が Claude Code 自身のサンドボックスを設定しており、Kirikae の遮断と併用できません。"
        "`sudo vi {path}` と入力して `sandbox` を外すか、管理者に依頼してください。",
    ),
    "doctor.sandbox_in_profile": (
        "A device profile sets Claude Code's own sandbox ({path}), which cannot start within Kirikae's; ask your admin "
        "to take `sandbox` out. `plutil -p {path}` shows it.",
        "構成プロファイル（{path}）が Claude Code 自身のサンドボックスを設定しており、Kirikae の遮断と併用できません。"
        "管理者に `sandbox` を外してもらってください。内容は `plutil -p {path}` で確認できます。",
    ),
    "doctor.git_missing": (
        "git does not run, so every project counts as unidentified; install it.",
        "git が動かないため、すべてのプロジェクトが未特定の扱いになります。インストールしてください。",
    ),
}


def choose_language(environment: Mapping[str, str] = os.environ) -> str:
    """KIRIKAE_LANG, then the locale as the C library reads it."""
    for name in ("KIRIKAE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name)
        if value:
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def say(code: str, language: str | None = None, /, **data: object) -> str:
    english, japanese = TEXTS[code]
    template = japanese if (language or choose_language()) == "ja" else english
    return template.format(**{name: _shown(value) for name, value in data.items()})


def _shown(value: object) -> object:
    """A folder may be called anything: its name must neither steer a terminal nor turn a sentence around."""
    text = str(value) if isinstance(value, str | os.PathLike) else ""
    if not text or text.isprintable():
        return value
    return "".join(one if one.isprintable() or one in WIDE_SPACES else ascii(one)[1:-1] for one in text)
