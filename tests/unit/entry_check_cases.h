/* Macros for the tests of the VM-entry checker: which change violates which rule. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmx/entry_check.h"
#include "tests/unit/image.h"

#define MAX 32

/* The state of a test case: an image and a processor, both valid until the case changes one. */
static struct vmcs_image v;
static struct vmx_capabilities c;

static void start(struct vmcs_image image) {
    v = image;
    c = broadwell();
}

static void passes(void) {
    struct entry_violation found[1];

    if (entry_check(&v, &c, found, 1) != 0) {
        fail_msg("%s: %s", found[0].field, found[0].rule);
    }
}

/* This rule is among the violated ones, of which there are `count`. */
static void breaks_among(unsigned count, const char *field, const char *rule) {
    struct entry_violation found[MAX];
    unsigned n = entry_check(&v, &c, found, MAX);

    assert_true(n <= MAX);
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(found[i].field, field) == 0 && strstr(found[i].rule, rule) != NULL) {
            assert_int_equal(n, count);
            assert_non_null(found[i].section);
            return;
        }
    }
    fail_msg("not named: %s: %s (%u others: %s: %s)", field, rule, n, n ? found[0].field : "",
             n ? found[0].rule : "");
}

/* After the statement the image violates this rule and no other. */
#define BREAKS(image, statement, field, rule)                                                      \
    do {                                                                                           \
        start(image());                                                                            \
        passes();                                                                                  \
        statement;                                                                                 \
        breaks_among(1, field, rule);                                                              \
    } while (0)

/* The same, but the statement violates `count` rules. */
#define BREAKS_AMONG(count, image, statement, field, rule)                                         \
    do {                                                                                           \
        start(image());                                                                            \
        statement;                                                                                 \
        breaks_among(count, field, rule);                                                          \
    } while (0)

#define PASSES(image, statement)                                                                   \
    do {                                                                                           \
        start(image());                                                                            \
        statement;                                                                                 \
        passes();                                                                                  \
    } while (0)

#define NEW_INJECTION(type, vector)                                                                \
    (v.entry_interruption_information = INTERRUPTION_VALID | (type) | (vector))
