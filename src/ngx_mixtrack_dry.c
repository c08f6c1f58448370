
/*
 * The dry run: "endpoint file:PATH" appends the events to a local file, as
 * they would go over the wire, a line each.
 */


#include "ngx_mixtrack_flusher.h"


static ngx_int_t ngx_mixtrack_dry_write(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static ngx_int_t ngx_mixtrack_dry_append(ngx_fd_t fd, u_char *p, size_t len);


ngx_int_t
ngx_mixtrack_dry_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    mxt_verdict_t  v;

    batch->attempts++;
    batch->failures++;
    batch->started = now;

    if (ngx_mixtrack_dry_write(f, batch) == NGX_OK) {
        ngx_mixtrack_reply_delivered(f, batch, NULL, now);
        return NGX_OK;
    }

    ngx_memzero(&v, sizeof(mxt_verdict_t));

    v.verdict = MXT_VERDICT_RETRY;
    v.delay = mxt_gate_backoff(&f->project->backoff,
                               f->zone.shm->gate.failures + 1,
                               (uint32_t) ngx_random());

    ngx_mixtrack_reply_failed(f, batch, &v, "the file of \"endpoint\" cannot "
                               "be written", now);

    return NGX_DECLINED;
}


/* all of them, or none */

static ngx_int_t
ngx_mixtrack_dry_write(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch)
{
    u_char               *buf, *p;
    uint32_t              i;
    ngx_int_t             rc;
    mxt_span_t            span;
    ngx_mixtrack_part_t  *part;

    buf = ngx_alloc(batch->raw, f->log);

    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = buf;
    part = &batch->part[batch->current];

    for (i = part->from; i < part->to; i++) {

        if (batch->fate[i]) {
            continue;
        }

        ngx_mixtrack_batch_event(f, batch, i, &span);

        /* the comma becomes the line's end */

        p = ngx_cpymem(p, span.data, span.len);
        p[-1] = LF;
    }

    rc = ngx_mixtrack_dry_append(f->project->file->fd, buf,
                                 (size_t) (p - buf));

    if (rc != NGX_OK) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_DRY, NGX_LOG_ERR, ngx_errno, 1,
                         "\"%V\" cannot be written",
                         &f->project->file->name);
    }

    ngx_free(buf);

    return rc;
}


static ngx_int_t
ngx_mixtrack_dry_append(ngx_fd_t fd, u_char *p, size_t len)
{
    off_t            size;
    ssize_t          n;
    ngx_err_t        err;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    while (len) {

        n = ngx_write_fd(fd, p, len);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {

            /* a half would be there twice later; a pipe has no size */

            err = n ? ngx_errno : NGX_ENOSPC;

            if (ngx_is_file(&fi) && ftruncate(fd, size) == -1) {
                /* void */
            }

            ngx_set_errno(err);
            return NGX_ERROR;
        }

        p += n;
        len -= (size_t) n;
    }

    return NGX_OK;
}
