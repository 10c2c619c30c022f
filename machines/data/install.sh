#!/bin/sh
# Installs the Kirikae agent of this portal for this user, or upgrades it. It changes nothing else.
#   uninstall: kirikae service remove; then `uv tool uninstall kirikae` or `pipx uninstall kirikae`
set -eu
portal=@PORTAL@
wheel=@WHEEL@
sha256=@SHA256@

fail() {
    echo "kirikae: $1" >&2
    exit 1
}

check() {
    if command -v sha256sum >/dev/null; then found=$(sha256sum "$1"); else found=$(shasum -a 256 "$1"); fi
    [ "${found%% *}" = "$sha256" ] || fail "the checksum of $wheel is not $sha256; nothing was installed. / チェックサムが一致しないため、何もインストールしませんでした。"
}

install_tool() {
    if command -v uv >/dev/null; then
        uv tool install --quiet --force --python ">=3.12" "$1"
        bin=$(uv tool dir --bin)
    elif command -v pipx >/dev/null; then
        pipx install --force "$1"
        bin=$(pipx environment --value PIPX_BIN_DIR)
    else
        fail "install uv or pipx first, then run this line again. / 先に uv か pipx をインストールしてから、もう一度実行してください。"
    fi
}

# All of it is read before any of it runs: a download that breaks off does nothing.
main() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    curl -fsS -o "$folder/$wheel" "$portal/install/$wheel" || fail "$portal/install/$wheel cannot be fetched."
    check "$folder/$wheel"
    echo "$wheel  sha256 $sha256"
    install_tool "$folder/$wheel"
    case ":$PATH:" in *":$bin:"*) ;; *) echo "Add $bin to your PATH. / PATH に $bin を追加してください。" ;; esac
    "$bin/kirikae" --version
    # On an upgrade the Mac is known already.
    [ "${1:-}" = --upgrade ] || "$bin/kirikae" enrol "$portal" "$@"
}

main "$@"
