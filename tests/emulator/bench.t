#!/usr/bin/env perl
# What things cost: a table of our figures beside KVM's and our goals, and a check that nothing costs
# more than its limit. The table is left in build/emulator/bench.txt.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
my @columns = qw(case cpus kvm_vid kvm_no_vid goal limit);

sub figures {
    open my $file, '<', 'tests/emulator/bench.figures' or die;
    my @rows;
    for (grep { !/^#/ && /\S/ } <$file>) {
        my %row;
        @row{@columns} = split;
        push @rows, \%row;
    }
    return @rows;
}

my %log;
($log{1}) = boot('bench', cpus => 1, files => ["$build/guest/bench.elf", "$build/guest/turns.elf"]);
($log{2}) = boot('bench-ipi', cpus => 2, files => ["$build/guest/bench.elf"]);
for (1, 2) {
    report_all($log{$_}->check_taps, $log{$_}->check('GUEST name=bench result=pass code=0'));
}
report_all($log{1}->check('GUEST name=turns result=pass code=0'),
    map { $log{1}->check("EXITS guest=turns vcpu=$_ name=\"PAUSE\" count>=25") } 0 .. 3);

my $format = "%-20s %10s %12s %12s %8s  %s\n";
my $table = sprintf $format, 'in instructions', 'Pinwheel', 'KVM, VID', 'KVM, no VID', 'goal', '';
for my $row (figures()) {
    my ($bench) = grep { $_->{tag} eq 'BENCH' && $_->{name} eq $row->{case} }
        @{$log{$row->{cpus}}{records}};
    my $ours = $bench ? $bench->{instructions} : 'none';
    my $met = $row->{goal} eq '-' || ($ours ne 'none' && $ours <= $row->{goal});
    ok($ours ne 'none' && $ours <= $row->{limit}, "$row->{case}: $ours, limit $row->{limit}");
    $table .= sprintf $format, $row->{case}, $ours, @$row{qw(kvm_vid kvm_no_vid goal)},
        $ours eq 'none' ? 'missing' : $met ? '' : 'goal missed';
}
my ($boot) = grep { $_->{tag} eq 'BENCH' && $_->{name} eq 'boot_to_guest' } @{$log{1}{records}};
$table .= "\nFrom the first instruction of BOOTX64.EFI to the first guest: $boot->{instructions}\n"
    if $boot;
cmp_ok($boot ? $boot->{instructions} : 1e9, '<=', 60e6, 'the way to the first guest');
my $efi = -s "$build/BOOTX64.EFI";
cmp_ok($efi, '<=', 512 * 1024, 'one file of half a MiB');
$table .= "BOOTX64.EFI: $efi bytes\n";
open my $file, '>', "$build/emulator/bench.txt" or die;
print $file $table;
done_testing();
