#!/usr/bin/env perl
# The pure modules are pure: docs/architecture.md. They include only the standard headers that need
# no library, contain no instructions (an empty asm is allowed: it is only a barrier to the compiler), call
# nothing but each other and the four functions of lib/memory.h, and have no variables.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use File::Temp 'tempdir';
use Test::More;
use Tree qw(read_text compile dependencies);

my %standard = map { ("$_.h" => 1) } qw(stdint stdbool stddef stdarg stdatomic limits);
my %memory = map { ($_ => 1) } qw(memcpy memset memmove memcmp);
my @pure = split ' ', $ENV{PURE} // die "call this by make lint\n";
my %pure = map { ($_ => 1) } @pure, 'lib/memory.c';
my $dir = tempdir(CLEANUP => 1);
my %includes = dependencies(@pure);
my (%needs, %defined, %seen);

# A header of a module that is not pure.
sub impure_header {
    my $module = $_[0] =~ s/\.h$/.c/r;
    return -e $module && !$pure{$module};
}

for my $path (@pure) {
    my @headers = @{$includes{$path} // []};
    is(join(' ', grep { impure_header($_) } @headers), '', "$path includes only pure headers");
    for my $file (grep { !$seen{$_}++ } $path, @headers) {
        my $text = read_text($file) =~ s{/\*.*?\*/}{}gsr;
        my @others = grep { !$standard{$_} } $text =~ /^#\s*include\s*<([^>]+)>/mg;
        is("@others", '', "$file includes no other standard header");
        unlike($text, qr/\b(?:__asm__|asm)\b(?!\(""\s*:)/, "$file contains no instructions");
    }

    my ($status, $output) = compile('-O0', '-g0', '-fno-pic', '-mpopcnt', '-c', '-o', "$dir/object", $path);
    is($status, 0, "$path compiles") or diag($output);
    my @variables;
    for (split /\n/, `nm '$dir/object'`) {
        my ($type, $name) = /([A-Za-z]) (\S+)$/ or next;
        if ($type eq 'U') { push @{$needs{$path}}, $name }
        else { $defined{$name} = 1 }
        push @variables, $name if $type =~ /[BbDdCGgSs]/;
    }
    is("@variables", '', "$path has no variables");
}

for my $path (@pure) {
    my @others = grep { !$defined{$_} && !$memory{$_} } @{$needs{$path} // []};
    is("@others", '', "$path calls only pure functions");
}
done_testing();
