/* Where a certificate is asked for, told from a URL: no more than its host. The rest is held to
 * real servers by doctor_all.bats. */
#include "net/certificate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_the_host_of_a_url(void **state)
{
    static const struct {
        const char *url, *host;
    } cases[] = {
        {"https://crm.example.com/hook/secret?key=k", "crm.example.com"},
        {"https://crm.example.com:8443?key=k", "crm.example.com:8443"},
        {"https://user:secret@crm.example.com/", "crm.example.com"},
        {"https://u@x@crm.example.com/", "crm.example.com"},
        {"https://[::1]:8443/x", "[::1]:8443"},
        {"smtp://mail.example.com", "mail.example.com"},
        {"amqp://diner@mq.example.com/shop", "mq.example.com:5672"},
        {"amqps://diner@mq.example.com/shop", "mq.example.com:5671"},
        {"amqps://mq.example.com:1/shop", "mq.example.com:1"},
        {"amqps://[::1]/shop", "[::1]:5671"},
        {"amqps://[::1]:7/shop", "[::1]:7"},
        {"mail.example.com", "mail.example.com"},
        {"https:///x", ""},
        {"", ""},
    };
    char host[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        certificate_host_name(cases[i].url, host, sizeof host);
        assert_string_equal(host, cases[i].host);
    }
    certificate_host_name("https://a.very.long.name.example.com", host, 7);
    assert_string_equal(host, "a.very");
}

static void test_no_host_is_no_address(void **state)
{
    struct certificate_host ret;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(certificate_of_host("https:///x", false, NULL, 1000, &ret, &err), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_host_of_a_url),
        cmocka_unit_test(test_no_host_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
