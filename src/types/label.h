/*
 * label.h
 *	  The labels of lifecycle_event.
 */
#ifndef WINBACK_LABEL_H
#define WINBACK_LABEL_H

#include "postgres.h"

#include "rules/rules.h"

extern bool LifecycleEventOfLabel(const char *name, Size length, uint8 *event);
extern const char *LabelOfLifecycleEvent(LifecycleEvent event);

#endif							/* WINBACK_LABEL_H */
