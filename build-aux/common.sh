# Sourced by the scripts beside it (bash), which run with the project's root
# as the working directory.

export LC_ALL=C

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

top=$PWD
build=$top/build

# the jobs of a make that called us are not ours, nor are its variables
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES

cpus() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }


# nginx's own build cannot quote, so neither can we
no_spaces() {
    case $1 in
        *[[:space:]]*) die "nginx cannot be built in a path with spaces: $1" ;;
    esac
}


# one builder at a time in a directory: tests may be run side by side
lock() {
    mkdir -p "$build"
    if command -v flock >/dev/null; then
        exec 9>"$build/.$1.lock"
        flock 9
    fi
}


# the nginx to build for: $NGINX, or the installed one; "" when there is none
nginx_binary() {
    PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/local/nginx/sbin \
        command -v "${NGINX:-nginx}" || true
}

nginx_version() {
    "$1" -v 2>&1 | sed -n 's,^nginx version: [^/]*/\([0-9.]*\).*,\1,p'
}

tree_version() {
    sed -n 's/^#define NGINX_VERSION *"\(.*\)".*/\1/p' "$1/src/core/nginx.h"
}


# Sets NGINX_ARGS to the options that BINARY was configured with, less those
# that name files of its build machine, compilers' options, other modules,
# and modules that need libraries of their own.  None of these changes what
# an HTTP module sees of nginx.
nginx_args() {
    local arg all=()

    NGINX_ARGS=()

    # xargs takes the quotes apart and, unlike eval, does nothing else
    mapfile -d '' -t all < <("$1" -V 2>&1 \
        | sed -n 's/^configure arguments: //p' | xargs printf '%s\0')

    for arg in "${all[@]}"; do
        case $arg in
            --add-module=* | --add-dynamic-module=* | --with-*=dynamic) ;;
            --with-openssl=* | --with-openssl-opt=*) ;;
            --with-pcre=* | --with-pcre-opt=*) ;;
            --with-zlib=* | --with-zlib-*=* | --with-libatomic=*) ;;
            --with-cc=* | --with-cpp=* | --with-cc-opt=* | --with-ld-opt=*) ;;
            --with-cpu-opt=* | --builddir=* | --build=*) ;;
            --with-perl* | --with-http_perl_module*) ;;
            --with-http_xslt_module | --with-http_image_filter_module) ;;
            --with-http_geoip_module | --with-google_perftools_module) ;;
            --with-mail* | --with-stream*) ;;
            *) NGINX_ARGS+=("$arg") ;;
        esac
    done
}


# a copy of nginx's source tree FROM in TO, without what others built in it
copy_tree() {
    mkdir -p "$2"
    tar -C "$1" --exclude=./.git --exclude=./.hg --exclude=./objs \
        --exclude=./Makefile -cf - . | tar -C "$2" -xf -
}


# what a change of must start a build anew, beside the sources themselves
tree_id() {
    cksum < config
    printf '%s\n' src/*.c src/*.h src/core/*.c src/core/*.h
    printf '%s=%s\n' top "$top" CC "${CC-}" NGINX_SRC "${NGINX_SRC-}"
}

# write FILE from standard input, but only if that changes it
write_if_changed() {
    mkdir -p "$(dirname "$1")"
    cat > "$1.$$"
    if cmp -s "$1.$$" "$1"; then
        rm -f "$1.$$"
    else
        mv -f "$1.$$" "$1"
    fi
}


# configure the tree DIR with the options that follow; objects go to DIR/objs
configure_tree() {
    local dir=$1 script=./configure log

    shift
    test -f "$dir/configure" || script=auto/configure
    test -f "$dir/$script" || die "no nginx source tree in $dir"

    log=$dir/configure.log

    # a CFLAGS in its environment would replace nginx's own, -Werror with them
    if ! (cd "$dir" && unset CFLAGS && "$script" --builddir=objs "$@") \
            > "$log" 2>&1
    then
        tail -n 8 "$log" >&2
        die "nginx's configure failed, see $log"
    fi
}
