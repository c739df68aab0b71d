/*
 * return_curve.h
 *	  The type return_curve: how long the silences of customers lasted.
 */
#ifndef WINBACK_RETURN_CURVE_H
#define WINBACK_RETURN_CURVE_H

#include "postgres.h"

#include "fmgr.h"

#include "state/curve_counts.h"

extern Curve CurveFromDatum(Datum datum);
extern Datum CurveDatum(const Curve *curve);
extern void CurveCheckTotal(const Curve *curve);
extern void CurvePointAdd(CurvePoint *point, const CurvePoint *other);

#endif							/* WINBACK_RETURN_CURVE_H */
