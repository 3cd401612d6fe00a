/* Guards vmm/interrupts/trace.c and vmm/interrupts/trace_text.c: folding loses nothing, rings are
 * merged by time, and whatever a record contains, its text stays within the buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/apic_registers.h"
#include "arch/msr.h"
#include "vmm/interrupts/trace.h"

static struct trace_ring ring, other;
static uint64_t now;

static int set_up(void **state) {
    (void)state;
    memset(&ring, 0, sizeof(ring));
    memset(&other, 0, sizeof(other));
    now = 100;
    return 0;
}

static struct trace_record event(enum trace_event what, uint8_t vector) {
    return (struct trace_record){
        .time = now++, .event = (uint8_t)what, .vcpu = 0, .pin = TRACE_NO_PIN, .vector = vector};
}

static void add_record(struct trace_ring *to, const struct trace_record *record) {
    trace_add(to, record->time, record->what, record->a, record->b, true);
}

/* Adds one event for each letter, with the letter as its vector. */
static void add(const char *letters) {
    for (; *letters; letters++) {
        struct trace_record record = event(TRACE_ACCEPT_EDGE, (uint8_t)*letters);
        add_record(&ring, &record);
    }
}

/* The letters in the ring, each repeat written out. */
static const char *unfolded(void) {
    static char out[256];
    size_t length = 0;

    for (uint64_t i = trace_first(&ring); i < ring.count; i++) {
        const struct trace_record *record = &ring.record[i];
        out[length++] = (char)record->vector;
        for (unsigned n = 0; n < record->repeats; n++)
            out[length++] = (char)record->vector;
    }
    out[length] = 0;
    return out;
}

static void an_event_that_repeats_only_increments_a_count(void **state) {
    (void)state;
    add("AAAA");
    assert_int_equal(ring.count, 1);
    assert_int_equal(ring.record[0].repeats, 3);
    assert_int_equal(ring.record[0].time, 100); /* the first */
}

static void events_that_differ_in_any_field_are_not_folded(void **state) {
    struct trace_record first = event(TRACE_EOI_LIVE, 0x51), record;

    (void)state;
    for (int field = 0; field < 7; field++) {
        set_up(NULL);
        record = first;
        add_record(&ring, &record);
        record.event = field == 0 ? TRACE_EOI_STALE : record.event;
        record.guest = field == 1;
        record.vcpu = field == 2;
        record.vector = (uint8_t)(record.vector + (field == 3));
        record.pin = (uint8_t)(field == 4 ? 5 : record.pin);
        record.a = field == 5;
        record.b = field == 6;
        add_record(&ring, &record);
        assert_int_equal(ring.count, 2);
    }
}

static void no_order_is_lost(void **state) {
    uint32_t seed = 1;

    (void)state;
    for (int run = 0; run < 20000; run++) {
        char letters[64];
        unsigned length = 1 + run % 63;

        set_up(NULL);
        for (unsigned i = 0; i < length; i++) {
            seed = seed * 1103515245 + 12345;
            letters[i] = (char)('A' + (seed >> 16) % (1 + run % 3));
        }
        letters[length] = 0;
        add(letters);
        assert_string_equal(unfolded(), letters);
    }
}

static void without_folding_each_event_has_a_record(void **state) {
    struct trace_record record = event(TRACE_LINE, 0);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        trace_add(&ring, i, record.what, record.a, record.b, false);
    assert_int_equal(ring.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ring.record[i].time, i);
        assert_int_equal(ring.record[i].repeats, 0);
    }
    add_record(&ring, &record); /* folding again */
    assert_int_equal(ring.count, 3);
    assert_int_equal(ring.record[2].repeats, 1);
}

static void more_repeats_than_fit_start_a_new_record(void **state) {
    (void)state;
    for (int i = 0; i < 70000; i++)
        add("A");
    assert_int_equal(ring.count, 2);
    assert_int_equal(ring.record[0].repeats + 1 + ring.record[1].repeats + 1, 70000);
}

static void a_full_ring_keeps_the_newest(void **state) {
    (void)state;
    for (unsigned i = 0; i < TRACE_RING_RECORDS * 2; i++) {
        struct trace_record record = event(TRACE_LINE, 0);
        record.a = i;
        add_record(&ring, &record);
    }
    assert_int_equal(trace_first(&ring), TRACE_RING_RECORDS);
    for (uint64_t i = trace_first(&ring); i < ring.count; i++)
        assert_int_equal(ring.record[i % TRACE_RING_RECORDS].a, i);
}

static void rings_merge_by_time(void **state) {
    uint64_t last = 0, seen[2] = {0, 0};
    const struct trace_record *record;
    unsigned whose;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct trace_record next = event(TRACE_LINE, 0);
        next.a = i;
        add_record(i * 7 % 3 ? &ring : &other, &next);
    }
    struct trace_cursor cursor[] = {{&ring, trace_first(&ring)}, {&other, trace_first(&other)}};
    while ((record = trace_next(cursor, 2, &whose))) {
        assert_true(record->time >= last);
        assert_int_equal(record->a, seen[0] + seen[1]);
        assert_int_equal(whose, record->a * 7 % 3 ? 0 : 1);
        last = record->time;
        seen[whose]++;
    }
    assert_int_equal(seen[0], 66);
    assert_int_equal(seen[1], 34);
    assert_null(trace_next(cursor, 2, &whose));
    assert_null(trace_next(cursor, 0, &whose));
}

/* ---- text ---- */

static void assert_story(struct trace_record record, const char *expected) {
    char out[256];
    int length = trace_story(out, sizeof(out), &record, 100);

    assert_string_equal(out, expected);
    assert_int_equal(length, strlen(out));
}

static void the_story_reads_as_sentences(void **state) {
    struct trace_record record = event(TRACE_EOI_STALE, 0x51);

    (void)state;
    record.time = 1234567 + 100;
    record.a = 1u << 5;
    assert_story(record, "      1,234,567  vCPU 0   EOI of vector 0x51 exits, stale: it ends the "
                         "interrupt from pin 5, which was rerouted in flight");
    record.event = TRACE_ACCEPT_LEVEL;
    record.a = 1u << 5 | 1u << 9;
    record.time = 100;
    record.repeats = 9999;
    assert_story(record,
                 "              0  vCPU 0   accepts vector 0x51 (level, pins 5, 9): its EOI must "
                 "reach the I/O APIC  ... and 9,999 more like it");
}

static void an_entry_write_names_what_changed(void **state) {
    struct trace_record record = event(TRACE_RTE_WRITE, 0x51);

    (void)state;
    record.time = 100;
    record.vcpu = TRACE_NO_VCPU;
    record.pin = 5;
    record.a = 0x8051;
    record.b = 0x0100000000008051;
    assert_story(record,
                 "              0  pin 5    the guest changes the pin's entry: destination APIC "
                 "ID 0 -> APIC ID 1");
    record.b = 0x18051;
    assert_story(record, "              0  pin 5    the guest changes the pin's entry: masked");
    record.a = 0x10000;
    record.b = 0x8951;
    assert_story(record,
                 "              0  pin 5    the guest changes the pin's entry: vector 0x00 -> "
                 "0x51, destination APIC ID 0 -> logical 0, fixed -> lowest priority, edge "
                 "-> level, unmasked");
    record.b = record.a;
    assert_story(record, "              0  pin 5    the guest writes the pin's entry: no change");
}

static void a_sentence_depends_on_the_values(void **state) {
    struct trace_record record = event(TRACE_DELIVER, 0x51);

    (void)state;
    record.time = 100;
    record.vcpu = TRACE_NO_VCPU;
    record.pin = 5;
    record.a = 3;
    assert_story(record, "              0  pin 5    the I/O APIC sends vector 0x51 to destination "
                         "3: no local APIC accepts it");
    record.b = 2;
    assert_story(record, "              0  pin 5    the I/O APIC sends vector 0x51 to destination "
                         "3: posted to 2 vCPUs");
    record.b = 1;
    assert_story(record, "              0  pin 5    the I/O APIC sends vector 0x51 to destination "
                         "3: posted to 1 vCPU");
    record = event(TRACE_SCAN, 0);
    record.time = 100;
    record.a = SCAN_RTE | SCAN_STALE;
    assert_story(record, "              0  vCPU 0   scans the routes, because a route has changed "
                         "and a stale bit is no longer needed");
    record.event = TRACE_SCAN_ADD;
    record.vector = 0x51;
    assert_story(record,
                 "              0  vCPU 0       vector 0x51: in flight, but not routed here: "
                 "its EOI will cause a VM exit (stale)");
    record.event = TRACE_VCPU_START;
    record.a = 0x100000;
    assert_story(record, "              0  vCPU 0   starts at 0x100000");
    record.event = TRACE_ACCEPT_LEVEL;
    record.a = 1u << 5;
    record.b = 1;
    assert_story(record, "              0  vCPU 0   accepts vector 0x51 (level, pin 5): it waits "
                         "behind the instance in service");
}

static void a_write_to_the_local_apic_names_the_register(void **state) {
    static const struct {
        uint64_t which;
        const char *text;
    } writes[] = {
        {APIC_ID, "writes its local APIC's ID: 0x1ff"},
        {APIC_LDR, "writes its local APIC's LDR: 0x1ff"},
        {APIC_DFR, "writes its local APIC's DFR: 0x1ff"},
        {APIC_SVR, "writes its local APIC's SVR: 0x1ff"},
        {MSR_IA32_APIC_BASE, "writes its local APIC's IA32_APIC_BASE: 0x1ff"},
        {APIC_EOI, "writes its local APIC's register 0xb0: 0x1ff"},
        {0, "resets its local APIC (INIT)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        struct trace_record record = event(TRACE_REGISTER, 0);
        char expected[256];

        record.time = 100;
        record.a = writes[i].which;
        record.b = 0x1ff;
        snprintf(expected, sizeof(expected), "              0  vCPU 0   %s", writes[i].text);
        assert_story(record, expected);
    }
}

static void the_terse_form_shows_all_there_is(void **state) {
    struct trace_record record = event(TRACE_DELIVER, 0x51);
    char out[256];

    (void)state;
    record.time = 4196;
    record.guest = 2;
    record.pin = 5;
    record.vcpu = TRACE_NO_VCPU;
    record.a = 3;
    record.b = 1;
    trace_text(out, sizeof(out), &record, 100);
    assert_string_equal(out,
                        "          4,096  guest 2 pin 5 vector 0x51: deliver, destination 0x3, "
                        "accepted 0x1");
}

static void every_event_has_a_name_and_a_sentence(void **state) {
    char out[256];

    (void)state;
    for (unsigned what = TRACE_NONE + 1; what < TRACE_EVENT_COUNT; what++) {
        struct trace_record record = event((enum trace_event)what, 0x51);
        /* Events for programs have no sentence. */
        bool has_sentence = what != TRACE_EXIT && what != TRACE_BITMAP;
        assert_int_equal(trace_story(out, sizeof(out), &record, 0) > 0, has_sentence);
        assert_true(trace_text(out, sizeof(out), &record, 0) > 0);
        assert_null(strchr(out, '?'));
    }
    assert_int_equal(trace_story(out, sizeof(out), &(struct trace_record){0}, 0), 0);
    assert_string_equal(out, "");
}

static void any_bytes_are_safe_in_any_buffer(void **state) {
    uint32_t seed = 7;

    (void)state;
    for (int run = 0; run < 30000; run++) {
        struct trace_record record;
        char out[300], *bytes = (char *)&record;
        size_t size = (size_t)run % sizeof(out);

        for (size_t i = 0; i < sizeof(record); i++) {
            seed = seed * 1103515245 + 12345;
            bytes[i] = (char)(seed >> 16);
        }
        if (run & 1)
            record.event = (uint8_t)(record.event % TRACE_EVENT_COUNT);
        memset(out, 0x7e, sizeof(out));
        for (int form = 0; form < 2; form++) {
            int length =
                form ? trace_text(out, size, &record, 0) : trace_story(out, size, &record, 0);
            assert_true(length >= 0 && length < 1000);
            assert_true(size == 0 || memchr(out, 0, size));
            for (size_t i = size; i < sizeof(out); i++)
                assert_int_equal(out[i], 0x7e);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_that_repeats_only_increments_a_count, set_up),
        cmocka_unit_test_setup(events_that_differ_in_any_field_are_not_folded, set_up),
        cmocka_unit_test_setup(no_order_is_lost, set_up),
        cmocka_unit_test_setup(without_folding_each_event_has_a_record, set_up),
        cmocka_unit_test_setup(more_repeats_than_fit_start_a_new_record, set_up),
        cmocka_unit_test_setup(a_full_ring_keeps_the_newest, set_up),
        cmocka_unit_test_setup(rings_merge_by_time, set_up),
        cmocka_unit_test_setup(the_story_reads_as_sentences, set_up),
        cmocka_unit_test_setup(an_entry_write_names_what_changed, set_up),
        cmocka_unit_test_setup(a_sentence_depends_on_the_values, set_up),
        cmocka_unit_test_setup(a_write_to_the_local_apic_names_the_register, set_up),
        cmocka_unit_test_setup(the_terse_form_shows_all_there_is, set_up),
        cmocka_unit_test_setup(every_event_has_a_name_and_a_sentence, set_up),
        cmocka_unit_test_setup(any_bytes_are_safe_in_any_buffer, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
