/* VM-entry checks on the guest's segment and descriptor-table registers. SDM Vol. 3C, "Checks on
 * Guest Segment Registers" and "Checks on Guest Descriptor-Table Registers". In a virtual-8086
 * guest every segment is fixed by its selector; else the rules depend on whether a register is
 * usable. */
#include "arch/control_registers.h"
#include "arch/entry_check_rules.h"

#define SELECTOR_RPL      3ULL
#define SELECTOR_TI       4ULL

#define TYPE_ACCESSED     1u
#define TYPE_READABLE     2u /* of a code segment */
#define TYPE_CODE         8u
#define TYPE_DATA_RW      3u /* accessed, expand-up */
#define TYPE_DATA_RW_DOWN 7u /* accessed, expand-down */
#define TYPE_LDT          2u
#define TYPE_BUSY_TSS_16  3u
#define TYPE_BUSY_TSS     11u /* 32-bit, or 64-bit in IA-32e mode */

static bool usable(const struct image_segment *segment)
{
    return (segment->access_rights & ACCESS_RIGHTS_UNUSABLE) == 0;
}

static unsigned type_of(const struct image_segment *segment)
{
    return (unsigned)segment->access_rights & ACCESS_RIGHTS_TYPE;
}

static unsigned dpl_of(const struct image_segment *segment)
{
    return (unsigned)(segment->access_rights & ACCESS_RIGHTS_DPL) >> ACCESS_RIGHTS_DPL_SHIFT;
}

static bool v8086(const struct entry_checker *check)
{
    return (check->image->guest_rflags & RFLAGS_VM) != 0;
}

/* A limit with bits 11:0 not all ones is in bytes, one above 2^20 is in pages. */
static bool granularity_is_right(const struct image_segment *segment)
{
    bool pages = (segment->access_rights & ACCESS_RIGHTS_G) != 0;

    if ((segment->limit & 0xfff) != 0xfff && pages) {
        return false;
    }
    return (segment->limit & 0xfff00000) == 0 || pages;
}

/* Those that all registers share, system segments included. */
static void check_common_rights(struct entry_checker *check, const struct image_segment *segment)
{
    const uint64_t *field = &segment->access_rights;

    require(check, (*field & ACCESS_RIGHTS_P) != 0, field, "P must be 1");
    require(check, (*field & (ACCESS_RIGHTS_RESERVED | ~0xffffffffULL)) == 0, field,
            "bits 31:17 and 11:8 must be 0");
    require(check, granularity_is_right(segment), field,
            "G must be 0 if a bit of the limit's 11:0 is 0, and 1 if one of its 31:20 is 1");
}

static void check_v8086_segment(struct entry_checker *check, const struct image_segment *segment)
{
    require(check, segment->base == segment->selector << 4, &segment->base,
            "must be the selector times 16 in virtual-8086 mode");
    require(check, segment->limit == 0xffff, &segment->limit, "must be FFFFH in virtual-8086 mode");
    require(check, segment->access_rights == 0xf3, &segment->access_rights,
            "must be F3H in virtual-8086 mode");
}

static void check_cs_dpl(struct entry_checker *check)
{
    const struct image_segment *cs = &check->image->cs;
    unsigned ss_dpl = dpl_of(&check->image->ss);

    switch (type_of(cs)) {
    case TYPE_DATA_RW:
        require(check, dpl_of(cs) == 0, &cs->access_rights, "DPL must be 0 with type 3");
        break;
    case 9:
    case 11:
        require(check, dpl_of(cs) == ss_dpl, &cs->access_rights,
                "DPL of a non-conforming code segment must equal that of SS");
        break;
    case 13:
    case 15:
        require(check, dpl_of(cs) <= ss_dpl, &cs->access_rights,
                "DPL of a conforming code segment must not be greater than that of SS");
        break;
    default:
        break;
    }
}

static void check_cs(struct entry_checker *check)
{
    const struct image_segment *cs = &check->image->cs;
    unsigned code = TYPE_CODE | TYPE_ACCESSED;
    bool is_code = (type_of(cs) & code) == code;

    require(check, is_code || (unrestricted(check) && type_of(cs) == TYPE_DATA_RW),
            &cs->access_rights,
            "type must be an accessed code segment, or 3 in an unrestricted guest");
    require(check, (cs->access_rights & ACCESS_RIGHTS_S) != 0, &cs->access_rights, "S must be 1");
    check_cs_dpl(check);
    check_common_rights(check, cs);
    if (ia32e_guest(check) && (cs->access_rights & ACCESS_RIGHTS_L) != 0) {
        require(check, (cs->access_rights & ACCESS_RIGHTS_DB) == 0, &cs->access_rights,
                "D/B must be 0 in 64-bit mode");
    }
    require(check, cs->base >> 32 == 0, &cs->base, "bits 63:32 must be 0");
}

/* The DPL of SS is the guest's CPL, and is checked even of an unusable register. */
static void check_ss(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const struct image_segment *ss = &v->ss;
    unsigned rpl = (unsigned)(ss->selector & SELECTOR_RPL);

    if (!unrestricted(check)) {
        require(check, rpl == (v->cs.selector & SELECTOR_RPL), &ss->selector,
                "RPL must equal that of CS");
        require(check, dpl_of(ss) == rpl, &ss->access_rights, "DPL must equal the selector's RPL");
    }
    if (type_of(&v->cs) == TYPE_DATA_RW || (v->guest_cr0 & CR0_PE) == 0) {
        require(check, dpl_of(ss) == 0, &ss->access_rights,
                "DPL must be 0 if CS has type 3 or CR0.PE = 0");
    }
    if (!usable(ss)) {
        return;
    }
    require(check, type_of(ss) == TYPE_DATA_RW || type_of(ss) == TYPE_DATA_RW_DOWN,
            &ss->access_rights, "type must be 3 or 7");
    require(check, (ss->access_rights & ACCESS_RIGHTS_S) != 0, &ss->access_rights, "S must be 1");
    check_common_rights(check, ss);
    require(check, ss->base >> 32 == 0, &ss->base, "bits 63:32 must be 0");
}

/* DS, ES, FS and GS. */
static void check_data_segment(struct entry_checker *check, const struct image_segment *segment)
{
    const uint64_t *field = &segment->access_rights;
    unsigned type = type_of(segment);

    if (!usable(segment)) {
        return;
    }
    require(check, (type & TYPE_ACCESSED) != 0, field, "type must be an accessed segment");
    require(check, (type & TYPE_CODE) == 0 || (type & TYPE_READABLE) != 0, field,
            "type of a code segment must be a readable one");
    require(check, (*field & ACCESS_RIGHTS_S) != 0, field, "S must be 1");
    if (!unrestricted(check) && type <= 11) {
        require(check, dpl_of(segment) >= (segment->selector & SELECTOR_RPL), field,
                "DPL must not be less than the selector's RPL");
    }
    check_common_rights(check, segment);
}

static void check_data_base(struct entry_checker *check, const struct image_segment *segment)
{
    require(check, !usable(segment) || segment->base >> 32 == 0, &segment->base,
            "bits 63:32 must be 0");
}

static void check_ordinary_segments(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check_cs(check);
    check_ss(check);
    check_data_segment(check, &v->ds);
    check_data_base(check, &v->ds);
    check_data_segment(check, &v->es);
    check_data_base(check, &v->es);
    check_data_segment(check, &v->fs);
    require(check, is_canonical(check, v->fs.base), &v->fs.base, "must be canonical");
    check_data_segment(check, &v->gs);
    require(check, is_canonical(check, v->gs.base), &v->gs.base, "must be canonical");
}

static void check_v8086_segments(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check_v8086_segment(check, &v->cs);
    check_v8086_segment(check, &v->ss);
    check_v8086_segment(check, &v->ds);
    check_v8086_segment(check, &v->es);
    check_v8086_segment(check, &v->fs);
    check_v8086_segment(check, &v->gs);
}

static void check_tr(struct entry_checker *check)
{
    const struct image_segment *tr = &check->image->tr;
    bool type_16 = type_of(tr) == TYPE_BUSY_TSS_16 && !ia32e_guest(check);

    require(check, (tr->selector & SELECTOR_TI) == 0, &tr->selector, "TI must be 0");
    require(check, is_canonical(check, tr->base), &tr->base, "must be canonical");
    require(check, usable(tr), &tr->access_rights, "must not be unusable");
    require(check, type_of(tr) == TYPE_BUSY_TSS || type_16, &tr->access_rights,
            "type must be a busy TSS: 11, or 3 outside IA-32e mode");
    require(check, (tr->access_rights & ACCESS_RIGHTS_S) == 0, &tr->access_rights, "S must be 0");
    check_common_rights(check, tr);
}

static void check_ldtr(struct entry_checker *check)
{
    const struct image_segment *ldtr = &check->image->ldtr;

    if (!usable(ldtr)) {
        return;
    }
    require(check, (ldtr->selector & SELECTOR_TI) == 0, &ldtr->selector, "TI must be 0");
    require(check, is_canonical(check, ldtr->base), &ldtr->base, "must be canonical");
    require(check, type_of(ldtr) == TYPE_LDT, &ldtr->access_rights, "type must be 2, an LDT");
    require(check, (ldtr->access_rights & ACCESS_RIGHTS_S) == 0, &ldtr->access_rights,
            "S must be 0");
    check_common_rights(check, ldtr);
}

static void check_table(struct entry_checker *check, const struct image_table *table)
{
    require(check, is_canonical(check, table->base), &table->base, "must be canonical");
    require(check, table->limit >> 16 == 0, &table->limit, "bits 31:16 must be 0");
}

void check_guest_segments(struct entry_checker *check)
{
    check->section = "Checks on Guest Segment Registers";
    if (v8086(check)) {
        check_v8086_segments(check);
    } else {
        check_ordinary_segments(check);
    }
    check_tr(check);
    check_ldtr(check);
    check->section = "Checks on Guest Descriptor-Table Registers";
    check_table(check, &check->image->gdtr);
    check_table(check, &check->image->idtr);
}
