
/*
 * The sanitizers' defaults for the test build.  They are linked in because
 * nginx passes its environment on to nobody: after a binary upgrade the
 * options of the command line would be gone.
 */


const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__lsan_default_suppressions(void);


const char *
__asan_default_options(void)
{
    return "detect_leaks=1:detect_stack_use_after_return=1"
           ":strict_string_checks=1";
}


const char *
__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}


/*
 * nginx's own: a compile context of PCRE2 in each process, and the first
 * pool of "nginx -s" and "nginx -t".
 */

const char *
__lsan_default_suppressions(void)
{
    return "leak:ngx_regex_malloc\n"
           "leak:ngx_create_pool\n";
}
