/* zeroduplex._fast: what Python touches in every round trip, as types of C, and the two operations on them that make a round trip, so that an
 * ordinary one runs next to no Python code of ours. It has the steps of the protocol from helper.c and common.c compiled in.
 *
 * The interpreter lock is what protects everything here: nothing below lets go of it but where it says so, so a whole operation happens
 * between two instructions of other threads. A lock of Python's counts only in that nobody else may hold it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <structmember.h>

#include "helper.h"

#include "common.h"

#include "helper.c"

#include "common.c"

#include "fast_steps.c"

#include "fast.h"

#include "fast_loan.c"

#include "fast_record.c"

#include "fast_lender.c"

#include "fast_call.c"

#include "fast_serve.c"

static PyMethodDef functions[] = {
    {"serve", (PyCFunction)(void (*)(void))serve, METH_FASTCALL,
     "serve(port, handler, frame_type, payload, window_ns): waits for a request and answers it. A SERVE_ value, or of a request that is taken "
     "and not answered its frame and the handler's exception, which is None when the handler kept a view."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "zeroduplex._fast", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fast(void) {
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || make_names() < 0 || add_loan(made) < 0 || add_record(made) < 0 || add_lender(made) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
