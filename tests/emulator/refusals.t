#!/usr/bin/env perl
# Where Pinwheel cannot run, and what it says there: one line with the reason, before it has left
# the firmware.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file report_all);
use Test::More;

sub refuses {
    my ($name, $pattern, %option) = @_;
    my ($log, $status) = boot($name, config => 'tests/emulator/broken.cfg', %option);
    is($status, 3, "$name: the run says so");
    report_all($log->check("/PINWHEEL refused: .*$pattern/"));
    report_all($log->check('no PINWHEEL done guests>=0'));
}

refuses('amd', 'AMD', model => 'ryzen', cpus => 1);
refuses('no-delivery', 'virtual-interrupt delivery', model => 'corei7_sandy_bridge_2600k', cpus => 1);
refuses('qemu-without-kvm', 'VT-x', emu => 'qemu', model => 'qemu64');
refuses('nothing', 'no guest', config => 'tests/emulator/nothing.cfg', cpus => 1);
refuses('no-config', 'pinwheel.cfg', config => '-', cpus => 1);

my ($log, $status) = boot('broken', cpus => 1);
is($status, 1, 'a broken configuration: guests that are not started have failed');
check_file($log, 'tests/emulator/broken.expect');
done_testing();
