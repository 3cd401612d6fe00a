/* VM-entry checks on the guest's segment and descriptor-table registers. SDM Vol. 3C, "Checks on
 * Guest Segment Registers" and "Checks on Guest Descriptor-Table Registers".
 *
 * In virtual-8086 mode the selector determines the whole segment; otherwise the rules depend on
 * whether a register is usable. All guests are unrestricted guests, so no rule reads a selector's
 * RPL. */
#include "arch/vmx/entry_check_rules.h"

#define SELECTOR_TI   4ULL
#define TYPE_DATA_RW  3u
#define TYPE_BUSY_TSS 11u

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

/* What each register may contain. */
static const struct {
    uint16_t types; /* a bit for each allowed type */
    bool system;    /* S and the selector's TI must be 0; else S must be 1 */
    bool canonical; /* the base must be canonical; else its bits 63:32 must be 0 */
    const char *words;
} rules[IMAGE_SEGMENTS] = {
    [CS] = {0xaa08, false, false, "type must be an accessed code segment, or 3"},
    [SS] = {0x0088, false, false, "type must be 3 or 7"},
    [DS] = {0x88aa, false, false, "type must be accessed, and readable if it is code"},
    [ES] = {0x88aa, false, false, "type must be accessed, and readable if it is code"},
    [FS] = {0x88aa, false, true, "type must be accessed, and readable if it is code"},
    [GS] = {0x88aa, false, true, "type must be accessed, and readable if it is code"},
    [TR] = {0x0808, true, true, "type must be a busy TSS: 11, or 3 outside IA-32e mode"},
    [LDTR] = {0x0004, true, true, "type must be 2, an LDT"},
};

static unsigned type_of(const struct image_segment *segment) {
    return (unsigned)segment->access_rights & ACCESS_RIGHTS_TYPE;
}

/* A limit whose bits 11:0 are not all ones is in bytes, a limit of 2^20 or more is in pages. */
static bool granularity_is_right(const struct image_segment *segment) {
    if ((segment->access_rights & ACCESS_RIGHTS_G) != 0)
        return (segment->limit & 0xfff) == 0xfff;
    return segment->limit >> 20 == 0;
}

static void check_v8086_segment(struct entry_checker *check, const struct image_segment *segment) {
    require(check, segment->base == segment->selector << 4, &segment->base,
            "must be the selector times 16 in virtual-8086 mode");
    require(check, segment->limit == 0xffff, &segment->limit, "must be FFFFH in virtual-8086 mode");
    require(check, segment->access_rights == 0xf3, &segment->access_rights,
            "must be F3H in virtual-8086 mode");
}

/* For an unusable register only the base is checked, except for CS, to which all rules always
 * apply, and TR, which must be usable. */
static void check_segment(struct entry_checker *check, unsigned i) {
    const struct image_segment *segment = &check->image->segment[i];
    const uint64_t *rights = &segment->access_rights;
    bool usable = (*rights & ACCESS_RIGHTS_UNUSABLE) == 0;
    bool type_is_right = (rules[i].types >> type_of(segment) & 1) != 0;

    if (i == TR && ia32e_guest(check))
        type_is_right = type_of(segment) == TYPE_BUSY_TSS;
    if (rules[i].canonical && (usable || i != LDTR))
        require_canonical(check, &segment->base);
    require(check, usable || i != TR, rights, "must not be unusable");
    if (!usable && i != CS)
        return;
    if (!rules[i].canonical)
        require_upper_clear(check, &segment->base);
    require(check, !rules[i].system || (segment->selector & SELECTOR_TI) == 0, &segment->selector,
            "TI must be 0");
    require(check, type_is_right, rights, rules[i].words);
    require(check, ((*rights & ACCESS_RIGHTS_S) == 0) == rules[i].system, rights,
            rules[i].system ? "S must be 0" : "S must be 1");
    require(check, (*rights & ACCESS_RIGHTS_P) != 0, rights, "P must be 1");
    require(check, (*rights & (ACCESS_RIGHTS_RESERVED | ~0xffffffffULL)) == 0, rights,
            "bits 31:17 and 11:8 must be 0");
    require(check, granularity_is_right(segment), rights,
            "G must be 0 if a bit of the limit's 11:0 is 0, and 1 if one of its 31:20 is 1");
}

/* The DPL of SS is the guest's CPL, and is checked even if SS is unusable. Types 9 and 11 are
 * non-conforming code segments, 13 and 15 conforming ones. */
static void check_privilege(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *cs = &v->cs.access_rights, *ss = &v->ss.access_rights;
    uint64_t cs_dpl = *cs & ACCESS_RIGHTS_DPL, ss_dpl = *ss & ACCESS_RIGHTS_DPL;
    unsigned type = type_of(&v->cs);

    require(check, type != TYPE_DATA_RW || cs_dpl == 0, cs, "DPL must be 0 with type 3");
    require(check, (type != 9 && type != 11) || cs_dpl == ss_dpl, cs,
            "DPL of a non-conforming code segment must equal that of SS");
    require(check, (type != 13 && type != 15) || cs_dpl <= ss_dpl, cs,
            "DPL of a conforming code segment must not be greater than that of SS");
    require(check, (type != TYPE_DATA_RW && (v->guest_cr0 & CR0_PE) != 0) || ss_dpl == 0, ss,
            "DPL must be 0 if CS has type 3 or CR0.PE = 0");
    require(check,
            !ia32e_guest(check) || (*cs & ACCESS_RIGHTS_L) == 0 || (*cs & ACCESS_RIGHTS_DB) == 0,
            cs, "D/B must be 0 in 64-bit mode");
}

static void check_table(struct entry_checker *check, const struct image_table *table) {
    require_canonical(check, &table->base);
    require(check, table->limit >> 16 == 0, &table->limit, "bits 31:16 must be 0");
}

void check_guest_segments(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    bool v8086 = (v->guest_rflags & RFLAGS_VM) != 0;

    check->section = "Checks on Guest Segment Registers";
    if (!v8086)
        check_privilege(check);
    for (unsigned i = 0; i < IMAGE_SEGMENTS; i++) {
        if (v8086 && i < LDTR)
            check_v8086_segment(check, &v->segment[i]);
        else
            check_segment(check, i);
    }
    check->section = "Checks on Guest Descriptor-Table Registers";
    check_table(check, &v->gdtr);
    check_table(check, &v->idtr);
}
