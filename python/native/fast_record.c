/* The client's record of a frame, see _ring_client.py. */

static int record_init(PyObject *self, PyObject *args, PyObject *names) {
    zd_record *record = (zd_record *)self;
    int one_way, taken;
    (void)names;
    if (!PyArg_ParseTuple(args, "KKKpKKKp", &record->sequence, &record->capacity, &record->opcode, &one_way, &record->position, &record->total,
                          &record->waste, &taken))
        return -1;
    record->start = record->position + ZD_FRAME_HEADER_V2_SIZE;
    record->one_way = (char)one_way;
    record->taken = (char)taken;
    return 0;
}

static void record_dealloc(PyObject *self) { free_object(self); }

static PyMemberDef record_members[] = {
    {"sequence", T_ULONGLONG, offsetof(zd_record, sequence), 0, NULL},
    {"capacity", T_ULONGLONG, offsetof(zd_record, capacity), 0, NULL},
    {"opcode", T_ULONGLONG, offsetof(zd_record, opcode), 0, NULL},
    {"position", T_ULONGLONG, offsetof(zd_record, position), 0, NULL},
    {"start", T_ULONGLONG, offsetof(zd_record, start), 0, NULL},
    {"total", T_ULONGLONG, offsetof(zd_record, total), 0, NULL},
    {"waste", T_ULONGLONG, offsetof(zd_record, waste), 0, NULL},
    {"one_way", T_BOOL, offsetof(zd_record, one_way), 0, NULL},
    {"taken", T_BOOL, offsetof(zd_record, taken), 0, NULL},
    {"cancelled", T_BOOL, offsetof(zd_record, cancelled), 0, NULL},
    {"abandoned", T_BOOL, offsetof(zd_record, abandoned), 0, NULL},
    {"released", T_BOOL, offsetof(zd_record, released), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot record_slots[] = {
    {Py_tp_init, record_init},
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_members, record_members},
    {0, NULL},
};
static PyType_Spec record_spec = {"zeroduplex._fast.Record", sizeof(zd_record), 0, Py_TPFLAGS_DEFAULT, record_slots};

static int add_record(PyObject *module) { return add_type(module, &record_spec, "Record", &record_type); }
