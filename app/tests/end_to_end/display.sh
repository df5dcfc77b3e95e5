# A display in memory for the real window, and places of its own for all that it keeps: to be sourced, with
# `number` set to that of the display. Leaves `work` (a folder), `server` (the display's process), and
# `children`, whose processes are ended with the script.

work=$(mktemp -d)
children=()
cleanup() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

export DISPLAY=:$number XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config HOME=$work LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS
Xvfb "$DISPLAY" -screen 0 1440x900x24 -nolisten tcp -noreset >/dev/null 2>&1 &
server=$!
children+=("$server")
