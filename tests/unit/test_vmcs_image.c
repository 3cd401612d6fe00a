/* Guards arch/vmcs_image.c: every member of the image is a field, once, with the right encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image.h"

static void every_member_but_the_last_is_one_field(void **state)
{
    static uint8_t seen[sizeof(struct vmcs_image) / 8];

    (void)state;
    for (unsigned i = 0; i < vmcs_field_count; i++) {
        assert_int_equal(vmcs_fields[i].offset % 8, 0);
        seen[vmcs_fields[i].offset / 8]++;
    }
    for (unsigned i = 0; i < sizeof(seen); i++) {
        assert_int_equal(seen[i], i != offsetof(struct vmcs_image, virtual_tpr) / 8);
    }
}

static void no_encoding_or_name_comes_twice(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vmcs_field_count; i++) {
        assert_int_equal(vmcs_fields[i].encoding & 1, 0);
        for (unsigned j = 0; j < i; j++) {
            assert_int_not_equal(vmcs_fields[i].encoding, vmcs_fields[j].encoding);
            assert_string_not_equal(vmcs_fields[i].name, vmcs_fields[j].name);
        }
    }
}

/* Bits 11:10 of an encoding say what kind of field it is, and so does the name. */
static void the_kind_of_each_encoding_fits_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vmcs_field_count; i++) {
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

static const struct vmcs_field *field_of(uint32_t encoding)
{
    for (unsigned i = 0; i < vmcs_field_count; i++) {
        if (vmcs_fields[i].encoding == encoding) {
            return &vmcs_fields[i];
        }
    }
    fail();
    return NULL;
}

static void a_field_exists_with_its_control(void **state)
{
    struct vmx_capabilities c = broadwell();
    struct vmx_capabilities none = {0};

    (void)state;
    assert_true(vmcs_field_exists(field_of(VMCS_GUEST_RIP), &none));
    assert_true(vmcs_field_exists(field_of(VMCS_EPT_POINTER), &c));
    assert_false(vmcs_field_exists(field_of(VMCS_EPT_POINTER), &none));
    assert_false(vmcs_field_exists(field_of(VMCS_POSTED_INTERRUPT_VECTOR), &c));
    assert_false(vmcs_field_exists(field_of(VMCS_TSC_MULTIPLIER), &c));
    assert_true(vmcs_field_exists(field_of(VMCS_PREEMPTION_TIMER), &c));
    assert_true(vmcs_field_exists(field_of(VMCS_MSR_BITMAP), &c));
    assert_true(vmcs_field_exists(field_of(VMCS_HOST_EFER), &c));
    assert_false(vmcs_field_exists(field_of(VMCS_HOST_EFER), &none));
}

static void a_member_is_found_by_its_field(void **state)
{
    struct vmcs_image image;

    (void)state;
    assert_ptr_equal(vmcs_image_member(&image, field_of(VMCS_GUEST_FS_LIMIT)), &image.fs.limit);
    assert_ptr_equal(vmcs_image_member(&image, field_of(VMCS_EOI_EXIT_BITMAP3)),
                     &image.eoi_exit_bitmap[3]);
    assert_ptr_equal(vmcs_image_member(&image, field_of(VMCS_HOST_RIP)), &image.host_rip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_but_the_last_is_one_field),
        cmocka_unit_test(no_encoding_or_name_comes_twice),
        cmocka_unit_test(the_kind_of_each_encoding_fits_its_name),
        cmocka_unit_test(a_field_exists_with_its_control),
        cmocka_unit_test(a_member_is_found_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
