# winback: builds with PGXS (PostgreSQL's own makefiles for extensions).
# `make help` prints the lines below that begin with "#:".
#
#: As with any extension (PG_CONFIG=/path/to/pg_config chooses the PostgreSQL):
#:   make                builds the extension
#:   make install        installs it (as root); then: CREATE EXTENSION winback;
#:   make installcheck   runs the tests against a running server, as a superuser
#:   make uninstall      removes the installed files (as root)
#:   make clean          removes what make has built
#: Over your own table, in a database that has the extension (doc/report.md):
#:   make report DB=... ORDERS=... CUSTOMER=... AT=... [AMOUNT=...]   writes a report
#: On a Debian machine; these install missing packages, and use a server of their own:
#:   make demo           shows the rates of a small shop, and writes a report
#:   make test           runs all tests; the last line is the count
#:   make lint           runs all checks that need no server
#: Other versions of PostgreSQL, in chroots:
#:   make matrix         runs all tests with 15, 17, 18 and 19
#:   make upgrade        runs pg_upgrade from 15 to 17, 18 and 19
#: Packages, written to dist/:
#:   make dist           the archive for PGXN, winback-VERSION.zip, of the last commit
#:   make deb            Debian packages for this machine
#:   make debs           builds, installs and tests them in Debian trixie and sid
#:   make rpm            an RPM for this machine's PostgreSQL (tried on Debian only)
#:   make help           prints this list; doc/install.md and CONTRIBUTING.md say more
EXTENSION = winback
MODULE_big = winback
DATA_built = sql/winback--0.1.sql
# every C file below src/; srcdir is PGXS's, and differs where it builds outside the tree
OBJS = $(sort $(patsubst $(srcdir)/%.c,%.o,$(wildcard $(srcdir)/src/*.c $(srcdir)/src/*/*.c)))
PGFILEDESC = "winback - win-back and reactivation rates"

REGRESS = \
	lifecycle_status \
	lifecycle_event \
	rate_tally \
	lifecycle_tally \
	effects \
	spend_tally \
	holdout \
	customer_history \
	track_histories \
	history_aggregates \
	rates \
	return_curve \
	history_curve \
	scan \
	scan_join \
	scan_union \
	scan_partitions \
	scan_list \
	scan_history \
	lifecycle \
	spells \
	series \
	errors \
	keys \
	dense \
	queries \
	property \
	property_events \
	property_series \
	property_history \
	property_history_customers \
	property_curve \
	property_history_curve \
	parallel
# For a run without Winback Scans: not those that ask everything in both ways, or no aggregate.
ifdef WITHOUT_SCANS
REGRESS := $(filter-out effects holdout return_curve scan scan_join scan_union scan_partitions scan_list scan_history dense property property_events property_series property_history property_history_customers property_curve property_history_curve parallel,$(REGRESS))
endif
REGRESS_OPTS = --load-extension=winback --encoding=UTF8 --no-locale
# several sessions at the same time: specs/ and expected/
ISOLATION = \
	scan_visibility \
	scan_serializable \
	scan_recheck \
	scan_joined \
	track_refresh
ISOLATION_OPTS = --load-extension=winback --encoding=UTF8 --no-locale
TAP_TESTS = 1

# warnings about our own code only
PG_CFLAGS = -Wall -Wextra $(if $(findstring clang,$(CC)),$(GCC_ONLY))
# clang on the flags with which PostgreSQL was built by gcc
GCC_ONLY = -Wno-unknown-warning-option -Wno-ignored-optimization-argument
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
# for a major version that src/compat.h does not list
ifdef WINBACK_UNKNOWN_MAJOR
PG_CPPFLAGS += -DWINBACK_UNKNOWN_MAJOR
endif
EXTRA_CLEAN = tmp_check

# A bare machine has no pg_config yet: these bring one themselves, or need none.
SCRIPTS_OF_OURS = test demo report lint dist deb debs rpm matrix upgrade
ifneq ($(filter-out help $(SCRIPTS_OF_OURS),$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(if $(shell command -v $(PG_CONFIG) 2>/dev/null),$(shell $(PG_CONFIG) --pgxs))
ifeq ($(wildcard $(PGXS)),)
# in one line, instead of what sh and make would say
$(error $(shell sh $(dir $(lastword $(MAKEFILE_LIST)))scripts/no-pg-config "$(PG_CONFIG)"))
endif
include $(PGXS)

# PGXS does not look at our headers, and makes no directories for a build outside the tree (VPATH).
$(OBJS): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)
ifdef VPATH
$(shell mkdir -p $(sort $(dir $(OBJS) $(DATA_built))))
endif

# The install script. scripts/install-script.awk explains the templates.
templates = $(sort $(wildcard $(srcdir)/sql/install/*.sql.in))
$(DATA_built): $(srcdir)/scripts/install-script.awk $(templates)
	awk -f $(srcdir)/scripts/install-script.awk $(templates) > $@.tmp
	mv $@.tmp $@
endif

.PHONY: help $(SCRIPTS_OF_OURS)
$(filter-out report,$(SCRIPTS_OF_OURS)):
	@scripts/$@

# The options are those of make's command line, not of the environment, where a NAME or a DB may
# have another meaning.
report:
	@scripts/report $(foreach option,$(sort $(filter-out SHELL MAKE% P%,$(.VARIABLES))),$(if \
		$(filter command,$(firstword $(origin $(option)))),'$(option)=$(subst ','\'',$($(option)))'))

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))
