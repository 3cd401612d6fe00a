/* The steps of vmm/vcpu/virq.c, one by one, on the model's VMCS and lock. See world.h. */
#include "arch/spinlock.h"
#include "arch/vmx/vmx.h"
#include "vmm/host/host.h"

#define vmcs_write          model_vmcs_write
#define vmcs_read           model_vmcs_read
#define spin_lock(l)        ((void)(l), model_lock())
#define spin_unlock(l)      ((void)(l), model_unlock())
#define invvpid(t, v)       ((void)(v))
#define interrupts_accept() ((void)0)

#include "tests/model/world.h"

#include "vmm/vcpu/posted.c"

/* The notification is a move of its own. */
static void model_posted_notify(const struct vcpu *vcpu) {
    world.now.vcpu[vcpu->index].posters++;
}
#define posted_notify model_posted_notify

#include "vmm/vcpu/virq.c"

void steps_write_words(struct vcpu *vcpu, unsigned words) {
    virq_write_eoi_words(vcpu, words);
}

void steps_write_status(struct vcpu *vcpu) {
    virq_write_status(vcpu);
}
