#!/usr/bin/env perl
# iasl, the reference for ACPI tables, disassembles each that a guest gets, and compiles the result to
# the same bytes, without a word of complaint. The RSDP, which has no table's header, iasl compiles
# only: from its own template.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $iasl = $ENV{IASL} // 'iasl';

sub content {
    my ($path) = @_;
    open my $file, '<:raw', $path or return "no $path";
    local $/;
    return scalar <$file>;
}

# iasl's complaints come on both outputs and in comments of the disassembly.
sub quiet {
    my ($output) = @_;
    return !grep { /warning|error|remark|invalid|incorrect|unknown|corrupt/i
                   && !/\b0 Errors, 0 Warnings, 0 Remarks\b/ } split /\n/, $output;
}

# Runs iasl in a directory: its exit status, and what it printed.
sub iasl {
    my ($dir, @arguments) = @_;
    my $output = `cd '$dir' && '$iasl' @arguments 2>&1`;
    return ($?, $output);
}

# Without the checksum, and whose compiler it was: iasl puts itself there.
sub comparable {
    my ($table) = @_;
    substr($table, $_, 1) = '-' for 9, 28 .. 35;
    return $table;
}

sub check_table {
    my ($dir, $table) = @_;
    my ($status, $output) = iasl($dir, '-p', $table, '-d', "$table.bin");
    $output .= content("$dir/$table.dsl");
    ok($status == 0 && quiet($output), "$table is disassembled") or diag($output);
    ($status, $output) = iasl($dir, '-we', '-p', "$table-again", "$table.dsl");
    ok($status == 0 && quiet($output), "$table is compiled again") or diag($output);
    is(unpack('H*', comparable(content("$dir/$table-again.aml"))),
       unpack('H*', comparable(content("$dir/$table.bin"))), "$table is the same again");
}

sub check_rsdp {
    my ($dir) = @_;
    my $ours = content("$dir/RSDP.bin");
    my ($status, $output) = iasl($dir, '-T', 'RSDP');
    my $source = content("$dir/rsdp.asl");
    my $address = sprintf '%016X', unpack 'Q<', substr $ours, 24, 8;
    my $older = sprintf '%08X', unpack 'L<', substr $ours, 16, 4;
    $source =~ s/"INTEL "/"PINWHL"/;
    $source =~ s/(XSDT Address : )\w+/$1$address/;
    $source =~ s/(RSDT Address : )\w+/$1$older/;
    open my $file, '>', "$dir/rsdp.asl" or die "rsdp.asl: $!";
    print $file $source;
    close $file;
    ($status, $output) = iasl($dir, '-we', '-p', 'rsdp', 'rsdp.asl');
    ok($status == 0 && quiet($output), 'an RSDP is compiled') or diag($output);
    is(unpack('H*', content("$dir/rsdp.aml")), unpack('H*', $ours), 'and ours is the same');
}

for my $vcpus (1, 8, 300) {
    my $dir = tempdir(CLEANUP => 1);
    is(system("$build/host/acpi/write_tables", "$build/hv/dsdt.aml", $dir, $vcpus), 0,
       "the tables for $vcpus vCPUs are written") or next;
    is(join(' ', map { m{(\w+)\.bin$} } sort glob "$dir/*.bin"), 'APIC DSDT FACP RSDP RSDT XSDT',
       'they are all there');
    check_table($dir, $_) for qw(APIC DSDT FACP RSDT XSDT);
    check_rsdp($dir);
}
done_testing();
