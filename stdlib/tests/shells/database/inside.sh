# What must hold inside the shell: the programs are there in the right versions, the C library links, the database starts and
# answers. A database refuses to run as root, who becomes nobody for it.
set -eu
case $(python3 --version) in "Python 3.11."*) ;; *) echo "not the project's Python: $(command -v python3)" >&2; exit 1 ;; esac

cd "$PROJECT_STATE"
printf '#include <stdio.h>\n#include <zlib.h>\nint main(void) { return puts(zlibVersion()) < 0; }\n' > version.c
cc version.c -lz -o version
[ "$(./version)" = "$(python3 -c 'import zlib; print(zlib.ZLIB_RUNTIME_VERSION)')" ]

as_someone() {
  if [ "$(id -u)" = 0 ]; then
    python3 -c 'import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.execvp(sys.argv[1], sys.argv[1:])' "$@"
  else
    "$@"
  fi
}
as_someone initdb --no-locale --encoding=UTF8 --username=someone --no-sync > initdb.log
as_someone pg_ctl start --wait --log="$PGDATA/log" --options="-c listen_addresses= -c unix_socket_directories=$PGHOST" > start.log
answer=$(psql --username=someone --dbname=postgres --no-align --tuples-only --command='select 6 * 7') || answer=none
as_someone pg_ctl stop --mode=fast > stop.log
[ "$answer" = 42 ]
echo "the database answers: $answer"
