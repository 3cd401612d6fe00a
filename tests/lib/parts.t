#!/usr/bin/env perl
# make test SKIP=: the parts that are named are shown as skipped, with the reason, and are not built; the
# others run. A name that is no part's is refused, with the names that there are.
use strict;
use warnings;
use Test::More;

my $build = $ENV{B} // 'build';
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS SKIP)};
$ENV{PINWHEEL_SKIP_DEPS} = 1;

sub make_test {
    my ($skip) = @_;
    my $output = `make --no-print-directory test B=$build '$skip' 2>&1`;
    return ($? >> 8, $output);
}

my ($status, $output) = make_test('SKIP=linux,windows');
isnt($status, 0, 'a part that does not exist is refused');
like($output, qr/there is no part "windows"/, 'by its name');
my @parts = split ' ', ($output =~ /Its parts: (.*?)\.? +Stop/)[0] // '';
ok((grep { $_ eq 'linux' } @parts) && (grep { $_ eq 'browser' } @parts), 'and the parts are listed')
    or diag($output);
unlike($output, qr/Result:/, 'and nothing is run');

my @others = grep { $_ ne 'acpi' } @parts;
($status, $output) = make_test('SKIP=' . join(',', @others));
is($status, 0, 'all parts but one are left out') or diag($output);
for my $part (@others) {
    like($output, qr{/left-out/$part\.t \.+ skipped: left out by SKIP=$part$}m, "$part is shown as skipped");
}
like($output, qr{^tests/acpi/acpi\.t \.+ ok$}m, 'the one that is left runs');
is(() = $output =~ /^\S+\.t \.+ /mg, scalar @parts, 'and nothing else') or diag($output);
done_testing();
