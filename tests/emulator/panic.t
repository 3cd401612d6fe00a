#!/usr/bin/env perl
# A panic: the report of a bug in the hypervisor. The emulator's debugger makes the bug: at an EOI exit it
# clears the pointer to the interrupt routing, so that the hypervisor reads from address 0.
use strict;
use warnings;
no warnings 'portable'; # addresses of 64 bits
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;

my $build = $ENV{B} // 'build';
my %address = map { /^(\w+) [Tt] (\w+)$/ ? ($2 => $1) : () } `nm $build/pinwheel.elf`;
ok($address{routing_eoi_exit}, 'the function to break exists');

# Runs the debugger's commands at the first EOI exit, and returns the log. With two CPUs, Bochs executes
# a few instructions of one and then of the other, and may not notice a breakpoint at a change: so the
# instruction behind the first one, PUSH RBP, has another.
sub break_at_eoi_exit {
    my ($name, $at_the_exit, %option) = @_;
    my $commands = "$build/emulator/$name.commands";
    mkdir "$build/emulator";
    open my $out, '>', $commands or BAIL_OUT("$commands: $!");
    my $behind = sprintf '%x', hex($address{routing_eoi_exit}) + 1;
    print $out "lb 0x$address{routing_eoi_exit}\nlb 0x$behind\nc\n${at_the_exit}delete 1\ndelete 2\nc\n";
    close $out or BAIL_OUT("$commands: $!");
    my (undef, $status) = boot($name, config => 'tests/emulator/panic.cfg', cpus => 1,
        debugger => $commands, %option);
    is($status, 1, "$name: the status reports it");
    open my $in, '<', "$build/emulator/$name/serial.log" or BAIL_OUT("no log: $!");
    return do { local $/; <$in> };
}

# CPU 1 runs a guest that never exits by itself: the NMI that stops it causes a VM exit.
my $log = break_at_eoi_exit('panic', "set rdi = 0\n", cpus => 2);
unlike($log, qr/do not stop/, 'a CPU in guest mode stops');
like($log, qr/^PINWHEEL panic: #PF page fault in the hypervisor, error code 0x0$/m, 'the exception');
like($log, qr/^  rip ffffffff8[0-9a-f]{7} rsp ffffc0[0-9a-f]{10} .*\n  cr2 0{12}[0-9a-f]{4} /m,
    'the registers, with a stack of the hypervisor');
like($log, qr/  backtrace:\n.*\+0x.*\n    0x[0-9a-f]+ routing_eoi_exit\+0x.*exit_handle\+0x.*schedule_run\+0x/s,
    'the backtrace, with names');
like($log, qr/last events of each CPU:.*accept level.*rte write.*scan: now stale/s,
    'the last events of the interrupt path');
like($log, qr/^PINWHEEL panic: the machine has stopped/m, 'the last line');
my ($panic) = $log =~ /^(PINWHEEL panic: #PF.*?)^  last events/ms;
is(join("\n", grep { length s/\r//r > 79 } split /\n/, $panic // 'none' x 99), '', 'no line before the events exceeds 80 columns');
unlike($log, qr/^PINWHEEL done/m, 'no result is printed');

# The other kind of panic: a check of the hypervisor fails, here the check after each VMX instruction,
# without a name for the instruction.
$log = break_at_eoi_exit('panic-check',
    "set rdi = 0\nset rsi = 0x1234\nset rip = 0x$address{vmx_fail}\n", image => 'panic');
like($log, qr/^PINWHEEL panic: \(null\) of 0x1234 failed: /m, 'the failed check');
like($log, qr/  backtrace:\n    0x[0-9a-f]+ vmx_fail\+0x.*exit_handle\+0x.*schedule_run\+0x/s,
    'the backtrace begins at the caller of panic()');
like($log, qr/last events of each CPU:.*accept level.*^PINWHEEL panic: the machine has stopped/ms,
    'the last events and the last line');
# An exception before the hypervisor has page tables of its own: the firmware's IDT no longer counts.
my $commands = "$build/emulator/panic-early.commands";
open my $out, '>', $commands or BAIL_OUT("$commands: $!");
print $out "lb 0x$address{memory_init}\nc\nset rip = 0x8000000000\ndelete 1\nc\n";
close $out or BAIL_OUT("$commands: $!");
my ($early, $status) = boot('panic-early', image => 'panic', cpus => 1, debugger => $commands);
is($status, 1, 'panic-early: the status reports it');
ok((grep { /^PINWHEEL panic: #PF page fault in the hypervisor/ } @{$early->{lines}}), 'the exception is reported')
    or diag(join "\n", @{$early->{lines}});
done_testing();
