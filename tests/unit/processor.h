/* A processor for the tests: the VMX capabilities that a Broadwell reports. */
#pragma once
#include "arch/vmx/vmx_controls.h"

static inline struct vmx_capabilities broadwell(void) {
    return (struct vmx_capabilities){
        .vmx = true,
        .rdtscp = true,
        .physical_bits = 39,
        .linear_bits = 48,
        .feature_control = 5,
        .basic = 0x00da040000000012,
        .pinbased = 0x0000007f00000016,
        .procbased = 0xfff9fffe0401e172,
        .procbased2 = 0x0017ffff00000000,
        .exit = 0x007fffff00036dff,
        .entry = 0x0000ffff000011ff,
        .true_pinbased = 0x0000007f00000016,
        .true_procbased = 0xfff9fffe04006172,
        .true_exit = 0x007fffff00036dfb,
        .true_entry = 0x0000ffff000011fb,
        .misc = 0x00000000300481e5,
        .ept_vpid = 0x00000f0106334141,
        .vmcs_enum = 0x2a,
        .cr0_fixed0 = 0x80000021,
        .cr0_fixed1 = 0xffffffff,
        .cr4_fixed0 = 0x2000,
        .cr4_fixed1 = 0x3767ff,
    };
}
