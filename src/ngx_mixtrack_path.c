
/*
 * The spool's directory, and with it the process: a directory that nginx
 * knows by a manager is what makes it run the flusher.
 */


#include "ngx_mixtrack.h"
#include "mxt_spool.h"


static ngx_int_t ngx_mixtrack_path_name(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf);
static ngx_int_t ngx_mixtrack_path_list(ngx_mixtrack_main_conf_t *mmcf,
    ngx_str_t *sub, uint64_t destination, mxt_spool_list_t *list);
static ngx_uint_t ngx_mixtrack_path_ours(ngx_mixtrack_main_conf_t *mmcf,
    ngx_str_t *name);


char *
ngx_mixtrack_spool_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_main_conf_t *mmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (mmcf->spool_path.data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "is empty";
    }

    mmcf->spool_path = value[1];
    ngx_mixtrack_place(cf, &mmcf->spool_place);

    return NGX_CONF_OK;
}


/* the configured one, or that beside the compiled-in client body temp path */

static ngx_int_t
ngx_mixtrack_path_name(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf)
{
    u_char     *p;
    ngx_str_t   body;

    ngx_mixtrack_project_t  **project;

    if (mmcf->spool_path.data == NULL) {

        ngx_str_set(&body, NGX_HTTP_CLIENT_TEMP_PATH);

        p = body.data + body.len;

        while (p > body.data && p[-1] != '/') {
            p--;
        }

        mmcf->spool_path.len = p - body.data + sizeof("mixtrack") - 1;
        mmcf->spool_path.data = ngx_pnalloc(cf->pool,
                                            mmcf->spool_path.len + 1);
        if (mmcf->spool_path.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_sprintf(mmcf->spool_path.data, "%*smixtrack%Z",
                           (size_t) (p - body.data), body.data);

        project = mmcf->projects.elts;
        mmcf->spool_place = project[0]->place;
    }

    if (ngx_conf_full_name(cf->cycle, &mmcf->spool_path, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    while (mmcf->spool_path.len > 1
           && mmcf->spool_path.data[mmcf->spool_path.len - 1] == '/')
    {
        mmcf->spool_path.data[--mmcf->spool_path.len] = '\0';
    }

    return NGX_OK;
}


/* nginx makes a registered directory, but would name no file and line */

ngx_int_t
ngx_mixtrack_path_add(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf)
{
    ngx_err_t         err;
    ngx_path_t       *path;
    ngx_file_info_t   fi;

    if (ngx_mixtrack_path_name(cf, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    if (ngx_create_dir(mmcf->spool_path.data, 0700) == NGX_FILE_ERROR) {

        err = ngx_errno;

        if (err == NGX_EEXIST
            && ngx_file_info(mmcf->spool_path.data, &fi) != NGX_FILE_ERROR
            && !ngx_is_dir(&fi))
        {
            err = NGX_ENOTDIR;
        }

        if (err != NGX_EEXIST) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, err,
                          "cannot make the directory \"%V\" of "
                          "\"mixtrack_spool_path\" in %V:%ui",
                          &mmcf->spool_path, &mmcf->spool_place.file,
                          mmcf->spool_place.line);
            return NGX_ERROR;
        }
    }

    path->name = mmcf->spool_path;
    path->manager = ngx_mixtrack_flusher_manager;

    /* tells our path from another's of the same name */

    path->data = &ngx_mixtrack_module;
    path->conf_file = mmcf->spool_place.file.data;
    path->line = mmcf->spool_place.line;

    return ngx_add_path(cf, &path);
}


/* without a directory of ours, a temp path that nginx has in any case */

ngx_int_t
ngx_mixtrack_path_borrow(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf)
{
    ngx_uint_t    i;
    ngx_path_t  **path;

    /* what an earlier one has left there is to be told of */

    if (ngx_mixtrack_path_name(cf, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    path = cf->cycle->paths.elts;

    for (i = 0; i < cf->cycle->paths.nelts; i++) {

        if (path[i]->manager == NULL && path[i]->loader == NULL) {
            path[i]->manager = ngx_mixtrack_flusher_manager;
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "no directory to run the flusher of \"mixtrack_project\"");

    return NGX_ERROR;
}


/*
 * Before a flusher has looked: or the status would show an empty spool to who
 * asks at once after a start.
 */

void
ngx_mixtrack_path_count(ngx_mixtrack_project_t *project)
{
    mxt_spool_list_t           list;
    ngx_mixtrack_main_conf_t  *mmcf;

    if (project->spool == 0 || ngx_test_config) {
        return;
    }

    mmcf = ngx_mixtrack_main_conf(project->cycle);

    if (ngx_mixtrack_path_list(mmcf, &project->name, project->destination,
                               &list)
        == NGX_OK)
    {
        project->shm->spool_files = list.files;
        project->shm->spool_bytes = list.bytes;
        project->shm->spool_foreign = list.foreign;
        project->shm->spool_bad = list.bad;
        project->shm->spool_strange = list.strange;
    }
}


/* the totals of a directory below ours */

static ngx_int_t
ngx_mixtrack_path_list(ngx_mixtrack_main_conf_t *mmcf, ngx_str_t *sub,
    uint64_t destination, mxt_spool_list_t *list)
{
    int     dir, rc;
    u_char  name[NGX_MAX_PATH + 1];

    (void) ngx_snprintf(name, NGX_MAX_PATH, "%V/%V%Z", &mmcf->spool_path, sub);
    name[NGX_MAX_PATH] = '\0';

    dir = open((char *) name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (dir == -1) {
        return NGX_ERROR;
    }

    ngx_memzero(list, sizeof(mxt_spool_list_t));

    rc = mxt_spool_count(dir, destination, list);

    (void) close(dir);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_mixtrack_path_stray(ngx_cycle_t *cycle)
{
    ngx_dir_t                  dir;
    ngx_str_t                  name;
    mxt_spool_list_t           list;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    if (mmcf == NULL || mmcf->projects.nelts == 0 || ngx_test_config
        || ngx_open_dir(&mmcf->spool_path, &dir) == NGX_ERROR)
    {
        return;
    }

    while (ngx_read_dir(&dir) == NGX_OK) {

        name.data = ngx_de_name(&dir);
        name.len = ngx_de_namelen(&dir);

        if (ngx_mixtrack_path_ours(mmcf, &name)
            || ngx_mixtrack_path_list(mmcf, &name, 0, &list) != NGX_OK
            || list.files + list.foreign == 0)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "mixtrack: %uD files in \"%V/%V\" belong to no project "
                      "that has a spool, they are not sent",
                      list.files + list.foreign, &mmcf->spool_path, &name);
    }

    (void) ngx_close_dir(&dir);
}


/* a project's, or not even the name of one */

static ngx_uint_t
ngx_mixtrack_path_ours(ngx_mixtrack_main_conf_t *mmcf, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_mixtrack_project_t  **project;

    if (name->len == 0 || name->data[0] == '.') {
        return 1;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f) {
            return 1;
        }
    }

    project = mmcf->projects.elts;

    for (i = 0; i < mmcf->projects.nelts; i++) {

        if (project[i]->spool
            && project[i]->name.len == name->len
            && ngx_memcmp(project[i]->name.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* nginx itself gives away the directory, not what is in it */

void
ngx_mixtrack_path_give(ngx_cycle_t *cycle)
{
    u_char                     name[NGX_MAX_PATH + 1];
    ngx_uint_t                 i;
    ngx_core_conf_t           *ccf;
    ngx_mixtrack_project_t   **project;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    if (mmcf == NULL || ngx_test_config || geteuid() != 0) {
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    project = mmcf->projects.elts;

    for (i = 0; i < mmcf->projects.nelts; i++) {

        if (project[i]->spool == 0) {
            continue;
        }

        (void) ngx_snprintf(name, NGX_MAX_PATH, "%V%Z", &project[i]->name);

        if (mxt_spool_give((char *) mmcf->spool_path.data, (char *) name,
                           ccf->user, ccf->group)
            != 0)
        {
            ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                          "mixtrack: \"%V/%s\" cannot be given to the "
                          "workers' user", &mmcf->spool_path, name);
        }
    }
}
