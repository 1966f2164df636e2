/* What the parts of zeroduplex._fast know of each other. */

/* Bytes of shared memory in the application's hands; the state of zeroduplex._loan.Loan. */
typedef struct {
    PyObject_HEAD
    PyObject *weak;
    PyObject *payload; /* the memoryview that the bytes are part of */
    PyObject *lender;  /* NULL for what a handler is lent */
    PyObject *record;  /* of a response: its zd_record */
    PyObject *view;    /* the only view that was lent, and its lease; both NULL when there is none or they are in views */
    PyObject *lease;
    PyObject *views; /* a list of such pairs, the latest last, or NULL */
    Py_ssize_t start;
    Py_ssize_t size;
    unsigned long long sequence, capacity, opcode;
    char live, readonly, ended, one_way;
} zd_loan;

/* A published frame as its client knows it. */
typedef struct {
    PyObject_HEAD
    unsigned long long sequence, capacity, opcode, position, start, total, waste;
    char one_way, taken, cancelled, abandoned, released;
} zd_record;

static PyTypeObject *record_type;

/* Names of Python's side that are asked for again and again. */
static PyObject *name_held, *name_popleft, *name_append, *name_pop, *name_release, *name_released, *name_lost, *name_call, *name_timeout,
    *name_opcode, *name_capacity, *name_let_close, *name_await, *name_deliver, *name_forget, *name_release_generally;

static int make_names(void) {
    static const struct {
        PyObject **at;
        const char *text;
    } all[] = {
        {&name_held, "held"},
        {&name_popleft, "popleft"},
        {&name_append, "append"},
        {&name_pop, "pop"},
        {&name_release, "release"},
        {&name_released, "_released"},
        {&name_lost, "_lost_by_user"},
        {&name_call, "_call_generally"},
        {&name_timeout, "timeout"},
        {&name_opcode, "opcode"},
        {&name_capacity, "capacity"},
        {&name_let_close, "_let_close"},
        {&name_await, "_await_called"},
        {&name_deliver, "_deliver"},
        {&name_forget, "_forget"},
        {&name_release_generally, "_release_generally"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((*all[i].at = PyUnicode_InternFromString(all[i].text)) == NULL) return -1;
    return 0;
}

/* A new object of a type or of a subclass of it that Python made, zeroed, without calling anything of Python's. */
static inline void *allocate(PyObject *type) {
    allocfunc alloc = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    return alloc((PyTypeObject *)type, 0);
}

static int add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **kept) {
    PyObject *type = PyType_FromSpec(spec);
    if (type == NULL) return -1;
    if (kept != NULL) *kept = (PyTypeObject *)Py_NewRef(type);
    if (PyModule_AddObject(module, name, type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    return 0;
}

/* The end of a type's tp_dealloc. */
static inline void free_object(void *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}
