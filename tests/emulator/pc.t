#!/usr/bin/env perl
# The PC of a guest: its ACPI tables, the ways to switch off and to reset, its virtio devices, its
# real-time clock, and what an old PC has besides.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use File::Path 'make_path';
use Test::More;

# 64 sectors, in which byte i of sector s is 7 s + i, and a part of a sector, which is not offered.
my $build = $ENV{B} // 'build';
my $disk = "$build/emulator/disk";
make_path("$build/emulator");
open my $file, '>:raw', $disk or BAIL_OUT("$disk: $!");
print $file map { my $s = $_; map { chr((7 * $s + $_) % 256) } 0 .. 511 } 0 .. 63;
print $file 'x' x 100;
close $file;

my ($log, $status) = boot('pc', files => [glob("$build/guest/*.elf"), "$build/guest/hello.elf64", $disk]);
is($status, 1, 'the status reports that a guest did not pass');
check_file($log, 'tests/emulator/pc.expect');

# The text screen: nine lines, all of them right, after the line that names the guest.
my @screen = grep { /^  \|/ } @{$log->{lines}};
is(scalar @screen, 9, 'the text screen of one guest is shown, its 9 lines once');
is_deeply([grep { !/^  \|ok - \S/ } @screen], [], 'each says ok') or diag(join "\n", @screen);
done_testing();
