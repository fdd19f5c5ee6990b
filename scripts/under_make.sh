#!/usr/bin/env bash
# Becomes a command, and sees to it that an interrupt sent to make alone ends that command too: make (4.3) hands SIGTERM
# on to what it runs, but on SIGINT it blocks the signal and waits, as a terminal would have told both.
# Usage, in a recipe: exec scripts/under_make.sh COMMAND [ARGUMENT ...]
set -euo pipefail

command_id=$$
make_id=$PPID
readonly SIGINT_BIT=2

{
    while kill -0 "$command_id"; do
        # The last hexadecimal digit of the signals that make blocks. Where there is no /proc, nothing is watched.
        blocked=$(grep '^SigBlk:' "/proc/$make_id/status") || exit 0
        if ((16#${blocked: -1} & SIGINT_BIT)); then
            kill -INT "$command_id"
            exit 0
        fi
        sleep 0.2
    done
} </dev/null >/dev/null 2>&1 &

exec "$@"
