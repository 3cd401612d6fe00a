#!/usr/bin/env perl
# tools/nested-kvm: what it says about machines on which KVM offers VT-x to a virtual machine, or does not.
use strict;
use warnings;
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;

my $root = tempdir(CLEANUP => 1);

sub put {
    my ($path, $text) = @_;
    make_path("$root/$path" =~ s{/[^/]*$}{}r);
    open my $file, '>', "$root/$path" or die "$root/$path: $!\n";
    print $file $text;
    close $file;
}

# A machine on which all is right, with these files instead; undef: there is no such file.
sub says {
    my (%different) = @_;
    my %file = ('proc/cpuinfo' => "processor\t: 0\nflags\t\t: fpu vmx ept\nvmx flags\t: vnmi\n", 'dev/kvm' => '',
        (map { ("sys/module/kvm_intel/parameters/$_" => "Y\n") } qw(nested ept unrestricted_guest)), %different);
    system('rm', '-rf', $root);
    defined $file{$_} and put($_, $file{$_}) for keys %file;
    return scalar `tools/nested-kvm $root`;
}

sub parameter {
    my ($name, $value) = @_;
    return ("sys/module/kvm_intel/parameters/$name" => $value);
}

sub cpu {
    return ('proc/cpuinfo' => "flags\t\t: @_\n");
}

my @none = map { parameter($_, undef) } qw(nested ept unrestricted_guest);
is(says(), '', 'KVM offers VT-x');
is(says(parameter(nested => "1\n")), '', 'a parameter that is shown as a number');
like(says(cpu('fpu svm')), qr/^this is an AMD processor.*\n.*EMU=bochs/, 'AMD');
like(says(cpu('fpu svm'), @none), qr/^this is an AMD processor/, 'AMD, without kvm_intel');
like(says(cpu('fpu hypervisor')), qr/^this is a virtual machine without VT-x\n.*its host/, 'a virtual machine');
like(says(cpu('fpu')), qr/^this processor has no VT-x.*\n.*firmware/, 'none, or hidden');
like(says(cpu('fpu'), 'proc/cpuinfo' => undef), qr/^this processor has no VT-x/, 'nothing known of the processor');
like(says(@none), qr/^the kernel module kvm_intel is not loaded\nsudo modprobe kvm_intel/, 'no kvm_intel');
like(says(parameter(nested => "N\n")), qr/^KVM's nested virtualization is off\n.*modprobe kvm_intel nested=1\n.*modprobe\.d/,
    'nested=0');
like(says(parameter(nested => "0\n")), qr/^KVM's nested virtualization is off\n/, 'nested=0, shown as a number');
like(says(parameter(ept => "N\n")), qr/^KVM's ept or unrestricted_guest is off\n.* ept=1/, 'ept=0');
like(says(parameter(unrestricted_guest => "N\n")), qr/^KVM's ept or unrestricted_guest is off\n.* unrestricted_guest=1/,
    'unrestricted_guest=0');
like(says('dev/kvm' => undef), qr{^there is no /dev/kvm\n}, 'no device');
SKIP: {
    skip 'root may read any file', 1 if $> == 0;
    says();
    chmod 0000, "$root/dev/kvm";
    like(scalar `tools/nested-kvm $root`, qr{^you may not use /dev/kvm\n.* kvm, then log in}, 'not in the group kvm');
}
done_testing();
