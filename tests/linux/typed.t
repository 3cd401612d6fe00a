#!/usr/bin/env perl
# An unmodified Linux receives typed lines by its virtio console, and its power button by ACPI.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(make_image report_all);
use Digest::SHA 'sha256_hex';
use Test::More;
use Log;
use Typist;

my $build = $ENV{B} // 'build';
my ($dir, $image) = make_image('linux-typed', 'tests/linux/typed.cfg',
    map { "$build/linux/$_" } qw(vmlinuz initrd));
my $machine = Typist->run($dir, $image);

# A line on a terminal has at most 4095 characters.
$machine->answers(undef, qr/line 1 by hvc0\?/, 'Linux asks for a line');
my $line = 'hello, hvc0';
$machine->answers("$line\r", qr/line 1: 11 characters, ${\sha256_hex("$line\n")}/, 'the line arrives by the virtio console');
$line = join '', map { chr(97 + $_ * $_ % 26) } 1 .. 1000;
$machine->answers(undef, qr/line 2 by hvc0\?/, 'Linux asks for another line');
$machine->answers("$line\r", qr/line 2: 1000 characters, ${\sha256_hex("$line\n")}/, 'a long pasted line arrives complete');
$machine->answers(undef, qr/The power button\?/, 'Linux waits for the power button');
$machine->answers("\x01p", qr/IO-APIC +19-fasteoi +ACPI:Ged/, 'the button raises a level-triggered interrupt');
$machine->answers(undef, qr/event 1 116\b/, 'Linux gets a key event: EV_KEY, KEY_POWER');
is($machine->finish, 0, 'the guest passes');
my $log = Log->read_file("$dir/serial.log");
report_all($log->check('GUEST name=linux result=pass how=poweroff'));
done_testing();
