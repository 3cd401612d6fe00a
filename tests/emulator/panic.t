#!/usr/bin/env perl
# What a bug of our own leaves behind. The emulator's debugger makes one: at an EOI exit it takes the
# pointer to the interrupt routing away, so that the hypervisor reads from address 0.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;

my $build = $ENV{B} // 'build';
my ($address) = map { /^(\w+) T routing_eoi_exit$/ ? $1 : () } `nm $build/pinwheel.elf`;
ok($address, 'the function to break is there');
my $commands = "$build/emulator/panic.commands";
mkdir "$build/emulator";
open my $out, '>', $commands or BAIL_OUT("$commands: $!");
print $out "lb 0x$address\nc\nset rdi = 0\ndelete 1\nc\n";
close $out or BAIL_OUT("$commands: $!");

my (undef, $status) = boot('panic', config => 'tests/emulator/panic.cfg', cpus => 1,
    debugger => $commands);
is($status, 1, 'the run notices');
open my $in, '<', "$build/emulator/panic/serial.log" or BAIL_OUT("no log: $!");
my $log = do { local $/; <$in> };
like($log, qr/^PINWHEEL panic: #PF page fault in the hypervisor, error code 0x0$/m, 'what it is');
like($log, qr/^  rip ffffffff8[0-9a-f]{7} rsp ffffc0[0-9a-f]{10} .* cr2 0{13}[0-9a-f]{3} /m,
    'the registers, on a stack of our own');
like($log, qr/  backtrace:\n.*\+0x.*\n    0x[0-9a-f]+ routing_eoi_exit\+0x.*exit_handle\+0x.*host_run\+0x/s,
    'the way there, by name');
like($log, qr/last events of each CPU:.*accept level.*rte write.*scan: now stale/s,
    'what the interrupts did before');
like($log, qr/^PINWHEEL panic: the machine has stopped/m, 'the end');
unlike($log, qr/^PINWHEEL done/m, 'nothing goes on');
done_testing();
