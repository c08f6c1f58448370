
/*
 * The directory of a project's spool: opened, and made again if it is gone;
 * read, and what lies in it told to the status.
 */


#include "ngx_mixtrack_flusher.h"


/* how often one that is gone is looked for, and how long nobody may have read
 * one before its entries are counted, ms */
#define NGX_MIXTRACK_DIRECTORY_REOPEN  1000
#define NGX_MIXTRACK_DIRECTORY_COUNT   1000


static void ngx_mixtrack_directory_failed(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_directory_tell(ngx_mixtrack_flusher_t *f,
    mxt_spool_list_t *list, uint64_t before);
static void ngx_mixtrack_directory_turn(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_directory_again(ngx_mixtrack_flusher_t *f);


void
ngx_mixtrack_directory_open(ngx_mixtrack_flusher_t *f)
{
    u_char  name[NGX_MAX_PATH + 1];

    f->dir = -1;

    if (f->project->spool == 0) {
        return;
    }

    (void) ngx_snprintf(name, NGX_MAX_PATH, "%V%Z", &f->project->name);

    f->dir = mxt_spool_open((char *) f->spool_path.data, (char *) name);
    f->reopen_at = ngx_current_msec + NGX_MIXTRACK_DIRECTORY_REOPEN;

    if (f->dir == -1) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_NO_SPOOL, NGX_LOG_ERR, ngx_errno,
                         1, "no spool, \"%V/%s\" cannot be used",
                         &f->spool_path, name);
    }
}


/* a directory that was removed under our descriptor is made again */

ngx_int_t
ngx_mixtrack_directory_there(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    struct stat  st;

    if (f->dir != -1 && (fstat(f->dir, &st) == -1 || st.st_nlink == 0)) {

        ngx_mixtrack_directory_close(f);

        f->disk = 0;
        f->looked = 0;
        f->name = f->nnames;
        f->reopen_at = 0;

        if (mxt_zone_holds(&f->zone)) {
            f->zone.shm->spool_files = 0;
            f->zone.shm->spool_bytes = 0;
            f->zone.shm->spool_foreign = 0;
            f->zone.shm->spool_bad = 0;
            f->zone.shm->spool_strange = 0;
        }

        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REMOVED, NGX_LOG_ERR, 0, 1,
                         "the spool's directory was removed, and what was in "
                         "it");
    }

    if (f->dir == -1 && f->project->spool && now >= f->reopen_at) {
        ngx_mixtrack_directory_open(f);
    }

    return f->dir == -1 ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_mixtrack_directory_read(ngx_mixtrack_flusher_t *f)
{
    uint64_t          before;
    mxt_spool_list_t  list;

    ngx_mixtrack_directory_again(f);

    before = __atomic_load_n(&f->zone.shm->spool_files, __ATOMIC_ACQUIRE);

    ngx_mixtrack_directory_turn(f);

    f->name = 0;
    f->nnames = 0;
    f->more = 0;
    f->vain = 0;
    f->stuck = 0;

    ngx_memzero(&list, sizeof(mxt_spool_list_t));
    list.after = f->after;
    list.file = f->names;
    list.max = NGX_MIXTRACK_SPOOL_NAMES;

    if (mxt_spool_list(f->dir, f->project->destination, &list) != 0) {
        ngx_mixtrack_directory_failed(f);
        return NGX_ERROR;
    }

    f->nnames = list.n;
    f->more = list.files > list.n;

    ngx_mixtrack_directory_tell(f, &list, before);

    return NGX_OK;
}


void
ngx_mixtrack_directory_look(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    uint64_t          before;
    mxt_spool_list_t  list;

    if (f->project->spool == 0 || now < f->count_at
        || ngx_mixtrack_directory_there(f, now) != NGX_OK)
    {
        return;
    }

    ngx_mixtrack_directory_again(f);

    before = __atomic_load_n(&f->zone.shm->spool_files, __ATOMIC_ACQUIRE);

    /* no names: those that f has are still good */

    ngx_memzero(&list, sizeof(mxt_spool_list_t));

    if (mxt_spool_list(f->dir, f->project->destination, &list) != 0) {
        ngx_mixtrack_directory_failed(f);
        return;
    }

    ngx_mixtrack_directory_tell(f, &list, before);
}


static void
ngx_mixtrack_directory_failed(ngx_mixtrack_flusher_t *f)
{
    f->count_at = ngx_current_msec + NGX_MIXTRACK_DIRECTORY_COUNT;

    mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
    ngx_mixtrack_say_error(f, "the spool cannot be listed");
    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_LIST, NGX_LOG_ERR, ngx_errno, 1,
                     "the spool cannot be listed");
}


/* what was seen there; before is how many files the status told of */

static void
ngx_mixtrack_directory_tell(ngx_mixtrack_flusher_t *f, mxt_spool_list_t *list,
    uint64_t before)
{
    uint64_t  now, entries;

    f->disk = list->bytes;
    f->looked = 1;

    /* each entry costs some microseconds: one a millisecond is nothing */

    entries = (uint64_t) list->files + list->foreign + list->bad
              + list->strange;

    f->count_at = ngx_current_msec
                  + ngx_max(entries, NGX_MIXTRACK_DIRECTORY_COUNT);

    if (mxt_zone_holds(&f->zone)) {

        /* rather one too many, until the next look, than one that a replaced
         * flusher has written meanwhile and nobody knows of */

        now = __atomic_load_n(&f->zone.shm->spool_files, __ATOMIC_ACQUIRE);

        __atomic_store_n(&f->zone.shm->spool_files,
                         list->files + (now > before ? now - before : 0),
                         __ATOMIC_RELEASE);

        f->zone.shm->spool_bytes = list->bytes;
        f->zone.shm->spool_foreign = list->foreign;
        f->zone.shm->spool_bad = list->bad;
        f->zone.shm->spool_strange = list->strange;
    }

    if (list->foreign > f->foreign) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_FOREIGN, NGX_LOG_WARN, 0, 0,
                         "%uD files of the spool are of another destination, "
                         "they are kept and not sent", list->foreign);
    }

    f->foreign = list->foreign;

    if (list->strange > f->strange) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_STRANGE, NGX_LOG_WARN, 0, 0,
                         "%uD entries of the spool's directory are no files "
                         "of it, by name or kind, they are left alone",
                         list->strange);
    }

    f->strange = list->strange;
}


ngx_int_t
ngx_mixtrack_directory_writable(ngx_mixtrack_flusher_t *f)
{
    if (mxt_spool_writable(f->dir) == 0) {
        f->locked = 0;

        return f->nkept < NGX_MIXTRACK_SPOOL_KEPT ? NGX_OK : NGX_ERROR;
    }

    /* told once, however long it lasts */

    if (!f->locked) {
        f->locked = 1;

        mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
        ngx_mixtrack_say_error(f, "spool files could not be removed");
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_LOCKED, NGX_LOG_ERR, ngx_errno, 0,
                         "spool files could not be removed, none is sent");
    }

    return NGX_ERROR;
}


/* what is not to be had, and stays, does not hide what is younger */

static void
ngx_mixtrack_directory_turn(ngx_mixtrack_flusher_t *f)
{
    if (f->stuck == 0 && !f->more && f->after[0] == '\0') {
        f->told = 0;
    }

    f->told = ngx_max(f->told, f->stuck);

    if (f->more && f->nnames && f->vain == f->nnames) {
        ngx_memcpy(f->after, f->names[f->nnames - 1], MXT_SPOOL_NAME_MAX);

    } else {
        f->after[0] = '\0';
    }
}


static void
ngx_mixtrack_directory_again(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < f->nkept; i++) {
        if (mxt_spool_done(&f->kept[i]) != 0) {
            f->kept[n++] = f->kept[i];
        }
    }

    f->nkept = n;
}


void
ngx_mixtrack_directory_remove(ngx_mixtrack_flusher_t *f,
    mxt_spool_file_t *file)
{
    size_t  len;

    len = file->len;

    if (mxt_spool_done(file) == 0) {
        f->disk -= ngx_min(f->disk, len);
        ngx_mixtrack_directory_count(f, 0);
        return;
    }

    mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
    ngx_mixtrack_say_error(f, "a delivered spool file could not be removed");
    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_UNLINK, NGX_LOG_ERR, ngx_errno, 1,
                     "a delivered spool file could not be removed");

    /* no other file before a look at the directory */

    f->name = f->nnames;

    if (f->nkept < sizeof(f->kept) / sizeof(f->kept[0])) {
        f->kept[f->nkept++] = *file;

    } else {
        mxt_spool_release(file);
    }

    file->fd = -1;
}


void
ngx_mixtrack_directory_close(ngx_mixtrack_flusher_t *f)
{
    ngx_mixtrack_directory_again(f);

    while (f->nkept) {
        mxt_spool_release(&f->kept[--f->nkept]);
    }

    if (f->dir != -1) {
        (void) close(f->dir);
        f->dir = -1;
    }
}


void
ngx_mixtrack_directory_count(ngx_mixtrack_flusher_t *f, ngx_uint_t more)
{
    uint64_t  n, *files;

    files = &f->zone.shm->spool_files;

    if (more) {
        (void) __atomic_add_fetch(files, 1, __ATOMIC_ACQ_REL);

    } else {

        n = __atomic_load_n(files, __ATOMIC_ACQUIRE);

        while (n && !__atomic_compare_exchange_n(files, &n, n - 1, 0,
                                                 __ATOMIC_ACQ_REL,
                                                 __ATOMIC_ACQUIRE))
        { /* void */ }
    }

    if (mxt_zone_holds(&f->zone)) {
        f->zone.shm->spool_bytes = f->disk;
    }
}
