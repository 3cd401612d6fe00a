#!/usr/bin/env perl
# What firmware of real machines does and OVMF does not: tests/shim/shim.c makes it, and Pinwheel starts all
# the same.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $dir = tempdir(CLEANUP => 1);
open my $large, '>:raw', "$dir/large" or die;
print $large pack 'V*', 1 .. 800_000;
close $large;

my ($log, $status) = boot('firmware', cpus => 2, efi => "$build/shim.efi",
    files => ["$build/BOOTX64.EFI", "$build/guest/reroute.elf", "$dir/large"]);
is($status, 0, 'the guest passes');
check_file($log, 'tests/emulator/firmware.expect');
done_testing();
