/* Guards arch/vmx/vmcs_image.c: every word of the image is one field, with the right encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image.h"

static void every_word_is_a_field(void **state) {
    (void)state;
    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++)
        assert_non_null(vmcs_fields[i].name);
}

static void no_encoding_or_name_occurs_twice(void **state) {
    (void)state;
    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++) {
        assert_int_equal(vmcs_fields[i].encoding & 1, 0);
        for (unsigned j = 0; j < i; j++) {
            assert_int_not_equal(vmcs_fields[i].encoding, vmcs_fields[j].encoding);
            assert_string_not_equal(vmcs_fields[i].name, vmcs_fields[j].name);
        }
    }
}

/* Bits 11:10 of an encoding give the kind of the field, and so does its name. */
static void the_kind_of_each_encoding_matches_its_name(void **state) {
    (void)state;
    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++) {
        const struct vmcs_field *field = &vmcs_fields[i];
        unsigned kind = field->encoding >> 10 & 3;

        if (strncmp(field->name, "host ", 5) == 0) {
            assert_int_equal(kind, 3);
        } else if (strncmp(field->name, "guest ", 6) == 0) {
            assert_int_equal(kind, 2);
        } else {
            assert_true(kind == 0 || kind == 2);
        }
    }
}

static void each_member_has_its_field(void **state) {
    struct vmcs_image image;
    const struct vmcs_field *fields = vmcs_fields;

    (void)state;
#define FIELD(member) fields[&image.member - (uint64_t *)&image]
    assert_int_equal(FIELD(fs.limit).encoding, VMCS_GUEST_FS_LIMIT);
    assert_int_equal(FIELD(segment[1].selector).encoding, VMCS_GUEST_CS_SELECTOR);
    assert_int_equal(FIELD(guest_pdpte[3]).encoding, VMCS_GUEST_PDPTE3);
    assert_int_equal(FIELD(host_rip).encoding, VMCS_HOST_RIP);
    assert_string_equal(FIELD(host_rip).name, "host RIP");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_a_field),
        cmocka_unit_test(no_encoding_or_name_occurs_twice),
        cmocka_unit_test(the_kind_of_each_encoding_matches_its_name),
        cmocka_unit_test(each_member_has_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
