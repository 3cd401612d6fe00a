#!/usr/bin/env perl
# What Pinwheel costs a Linux guest from its first instruction to its first program. The same kernel, RAM
# disk and command line run on the bare machine (tests/native/native.c) and as a guest, with one CPU each,
# in the same emulator, whose TSC counts instructions. `make bench` prints the table too.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;

my $build = $ENV{B} // 'build';
my $LIMIT = 1.10;
# The CPU model reports another TSC frequency than the emulator's clock has, so on the bare machine the
# command line must give it; Pinwheel reports it to its guests. "quiet" because Linux would otherwise wait
# for the emulated serial line most of the time.
my $words = 'console=ttyS0 quiet tsc=reliable tsc_early_khz=50000';

sub put {
    my ($path, $text) = @_;
    open my $file, '>', $path or BAIL_OUT("$path: $!");
    print $file $text;
    close $file;
    return $path;
}

sub number {
    my ($log, $pattern) = @_;
    my ($line) = grep { /$pattern/ } @{$log->{lines}};
    return $line && $line =~ /$pattern/ ? $1 : undef;
}

my %span;

# The instructions from the kernel's entry to its first program.
sub span {
    my ($name, $log, $entry) = @_;
    my ($from, $to) = (number($log, $entry), number($log, qr/LINUX init tsc=(\d+) /));
    ok(defined $from && defined $to, "$name: the log has the kernel's entry and its first program");
    $span{$name} = $to - $from if defined $from && defined $to;
}

my $dir = "$build/linux/native";
mkdir $dir;
system('cp', "$build/linux/vmlinuz", "$dir/kernel") == 0 or BAIL_OUT('no kernel');
system('cp', "$build/linux/initrd", "$dir/initrd") == 0 or BAIL_OUT('no initrd');
put("$dir/cmdline", "$words run=end");
my ($native, $end) = boot('native', efi => "$build/native.efi", config => '-', cpus => 1, memory => 512,
    files => ["$dir/kernel", "$dir/initrd", "$dir/cmdline"]);
is($end, 0, 'Linux on the bare machine ends the run');
span('native', $native, qr/NATIVE entry tsc=(\d+)/);
put("$dir/guest.cfg", <<"END");
[linux]
kernel  = \\guests\\kernel
initrd  = \\guests\\initrd
memory  = 256M
cmdline = $words run=bin/true
END
my ($guest, $status) = boot('linux-boot', config => "$dir/guest.cfg", cpus => 1, memory => 512,
    files => ["$dir/kernel", "$dir/initrd"]);
is($status, 0, 'Linux boots as a guest and switches itself off');
span('guest', $guest, qr/BENCH name=tsc_at_first_entry instructions=(\d+)/);

BAIL_OUT('no figures') if keys %span < 2;
my $ratio = $span{guest} / $span{native};
cmp_ok($ratio, '<=', $LIMIT, 'the cost of Pinwheel');
my $table = sprintf "Linux, from the kernel's entry to its first program, in instructions:\n"
    . "  on the bare machine  %13d\n  as a guest           %13d  (%.3f times, goal %.2f)\n"
    . "VM exits of the guest, from its first instruction to its last:\n",
    $span{native}, $span{guest}, $ratio, $LIMIT;
my $exits = 0;
for (sort { $b->{count} <=> $a->{count} } grep { $_->{tag} eq 'EXITS' } @{$guest->{records}}) {
    $table .= sprintf "  %-40s %8d\n", $_->{name}, $_->{count};
    $exits += $_->{count};
}
cmp_ok($exits, '>', 0, 'exits are counted');
$table .= sprintf "  %-40s %8d\n", 'all', $exits;
put("$build/linux/native.txt", $table);
diag($table);
done_testing();
