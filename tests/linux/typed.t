#!/usr/bin/env perl
# An unmodified Linux hears by its virtio console what is typed, and of its power button by ACPI.
use strict;
use warnings;
use lib 'tests/lib';
use Digest::SHA 'sha256_hex';
use File::Path 'make_path';
use POSIX 'mkfifo';
use Test::More;
use Log;
use Typist;

my $build = $ENV{B} // 'build';
my $dir = "$build/emulator/linux-typed";
make_path($dir);
unlink glob "$dir/*";
system('tools/disk-image', "$dir.img", 'tests/linux/typed.cfg', "$build/BOOTX64.EFI",
    map { "$build/linux/$_" } qw(vmlinuz initrd)) == 0 or BAIL_OUT('no disk image');
my $fifo = "$dir/typed";
mkfifo($fifo, 0600) or BAIL_OUT("$fifo: $!");
my $machine = Typist->start(['tools/run', '--emu', 'bochs', '--log-dir', $dir,
    '--input', $fifo, "$dir.img"], input => $fifo);

# The answer, or a failed test with what came instead.
sub answers {
    my ($typed, $pattern, $name) = @_;
    $machine->type($typed) if defined $typed;
    my $found = $machine->wait_for($pattern);
    ok(defined $found, $name) or diag(substr $machine->{seen}, -1000);
}

# A terminal's line has 4095 characters at most.
answers(undef, qr/line 1 by hvc0\?/, 'Linux runs');
my $line = 'hello, hvc0';
answers("$line\r", qr/line 1: 11 characters, ${\sha256_hex("$line\n")}/, 'a line by the virtio console');
$line = join '', map { chr(97 + $_ * $_ % 26) } 1 .. 1000;
answers(undef, qr/line 2 by hvc0\?/, 'another one is asked for');
answers("$line\r", qr/line 2: 1000 characters, ${\sha256_hex("$line\n")}/, 'a long paste is whole');
answers(undef, qr/The power button\?/, 'the button is waited for');
answers("\x01p", qr/IO-APIC +19-fasteoi +ACPI:Ged/, 'it interrupts, by a level');
answers(undef, qr/event 1 116\b/, 'it is a key: EV_KEY, KEY_POWER');
is($machine->finish, 0, 'the guest passes');
my $log = Log->read_file("$dir/serial.log");
ok($_->[0], $_->[1]) or diag($_->[2]) for $log->check('GUEST name=linux result=pass how=poweroff');
done_testing();
