#!/usr/bin/env perl
# Debian's memtest86+: a bzImage that is no Linux. Its last paragraph is short, it waits until the keyboard
# controller has no data, and it draws on the text screen at B8000H.
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use Test::More;
use Typist;

my $build = $ENV{B} // 'build';
my $dir = "$build/emulator/memtest";
make_path($dir);
unlink glob "$dir/*";

my $fifo = "$dir/typed";
POSIX::mkfifo($fifo, 0600) or BAIL_OUT("$fifo: $!");
delete @ENV{qw(INITRD DISK VCPUS X2APIC TIMEOUT)};
local @ENV{qw(KERNEL MEMORY CMDLINE)} = ("$build/foreign/memtest", '8M', 'console=ttyS0,115200');
my $machine = Typist->start(['tools/one-guest', "$dir.img", "$build/BOOTX64.EFI", '--emu', 'bochs',
    '--silence', 120, '--log-dir', $dir, '--input', $fifo], input => $fifo);
$machine->answers(undef, qr/guest guest starts: 1 vCPU, 8 MiB/, 'memtest86+ is loaded');
$machine->answers(undef, qr/#\d+ +\[\w[^\]]+\]/, 'it tests memory, as its serial console says');
$machine->answers("\x01v", qr/guest guest has this on its text screen at 0xb8000:\r*\n  \| +Memtest86\+ v6/,
    'Ctrl-A v shows its text screen');
$machine->answers(undef, qr/\n  \|.*Pass: +0 +Errors: 0/, 'on which it has found no errors');
$machine->answers("\x1b", qr/GUEST name=guest result=pass code=0 how=reset/, 'ESC ends it by a reset');
$machine->finish;
done_testing();
