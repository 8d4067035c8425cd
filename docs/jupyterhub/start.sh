#!/bin/sh
# What a student's server does first: copies the exercises that are not there yet, and changes
# nothing that is. Then it becomes the server that the hub asked for.
set -eu

mkdir -p "$HOME/exercises"
for folder in "${COURSE:-/opt/course}"/exercises/*/; do
    name=$(basename "$folder")
    if [ ! -e "$HOME/exercises/$name" ]; then
        cp -r "$folder" "$HOME/exercises/$name"
    fi
done

if [ "$#" -eq 0 ]; then
    set -- jupyterhub-singleuser
fi
exec "$@"
