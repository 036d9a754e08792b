"""The way back: what a program wrote becomes DICOM objects in the PACS and numbers in REDCap.

Contract
--------
::

    series = SourceSeries.read("CT", files)             # headers and geometry, once per series
    job = ResultJob(job_id, workflow, version, package_digest, image_digest, (series,), finished_at)
    outputs = read_outputs(output_dir, manifest, job)   # OutputError with all faults
    objects = encode(outputs, job)                      # SEG per mask, one SR; the same each time
    validate(objects, job)                              # ObjectsInvalid: never send these
    paths = write(objects, folder)
    deliverer.deliver(shipment, destinations)           # DeliveryUnavailable: later; DeliveryRefused: never
    rows = places.place(job, outputs.rows, instrument)  # RedcapOccupied: another match has written there
    redcaps.write(project, rows)                        # RedcapUnavailable: later; RedcapRefused: never

Each step may run twice; the second time changes nothing. `warm_up` saves a process's first job half a second.
"""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.results.agreement import Agreement, agreement_with, read_reference
    from ror.results.compared import (
        Compared,
        FieldAgreement,
        SegmentAgreement,
        compare_runs,
        fields,
        segments,
    )
    from ror.results.correction_desk import CorrectionDesk
    from ror.results.correction_export import export_corrections
    from ror.results.corrections import Correction, CorrectionStore
    from ror.results.deliver import Deliverer, Shipment
    from ror.results.destinations import (
        COMMITMENT,
        Destination,
        Held,
        Outgoing,
        destination_of,
        destinations_of,
    )
    from ror.results.encoding import encode, write
    from ror.results.errors import (
        CorrectionRefused,
        DeliveryRefused,
        DeliveryUnavailable,
        EncodeError,
        FieldFault,
        ObjectsInvalid,
        OutputError,
        OutputFault,
        RedcapOccupied,
        RedcapRefused,
        RedcapUnavailable,
    )
    from ror.results.export import COLUMNS, as_csv_table, as_json_table, as_parquet, cells
    from ror.results.finished import FinishedRun, changes_told, collected_told, outputs_of, result_job_of
    from ror.results.ledger import DeliveryState, Ledger, MadeObject, Receipt
    from ror.results.making import Made, make_objects
    from ror.results.model import (
        KeptFile,
        LabelMap,
        Labels,
        Outputs,
        ResultJob,
        ResultObject,
        Row,
        SourceSeries,
    )
    from ror.results.output import read_outputs
    from ror.results.pictures import CannotDraw, read_grey
    from ror.results.places import RedcapPlaces
    from ror.results.plot import plotted
    from ror.results.redcap import (
        Announced,
        Mismatch,
        RedcapOutlook,
        Redcaps,
        dictionary_csv,
        dictionary_rows,
        merged_dictionary,
        would_send,
    )
    from ror.results.review_room import ReviewRoom
    from ror.results.reviews import Decision, ReviewStore, Tally
    from ror.results.stations import ResultStations
    from ror.results.statistics import FieldSummary, figure, summaries
    from ror.results.superseded import Earlier, EarlierObject
    from ror.results.table import MeasurementRow, MeasurementStore
    from ror.results.taking_back import TakenBack, TakingBack
    from ror.results.uids import derive_uid
    from ror.results.validation import validate
    from ror.results.warm import warm_up
else:
    __getattr__ = on_demand(
        __name__,
        {
            "agreement": "Agreement agreement_with read_reference",
            "compared": "Compared FieldAgreement SegmentAgreement compare_runs fields segments",
            "correction_desk": "CorrectionDesk",
            "correction_export": "export_corrections",
            "corrections": "Correction CorrectionStore",
            "deliver": "Deliverer Shipment",
            "destinations": "COMMITMENT Destination Held Outgoing destination_of destinations_of",
            "encoding": "encode write",
            "errors": "CorrectionRefused DeliveryRefused DeliveryUnavailable EncodeError FieldFault ObjectsInvalid "
            "OutputError OutputFault RedcapOccupied RedcapRefused RedcapUnavailable",
            "export": "COLUMNS as_csv_table as_json_table as_parquet cells",
            "finished": "FinishedRun changes_told collected_told outputs_of result_job_of",
            "ledger": "DeliveryState Ledger MadeObject Receipt",
            "making": "Made make_objects",
            "model": "KeptFile LabelMap Labels Outputs ResultJob ResultObject Row SourceSeries",
            "output": "read_outputs",
            "pictures": "CannotDraw read_grey",
            "places": "RedcapPlaces",
            "plot": "plotted",
            "redcap": "Announced Mismatch RedcapOutlook Redcaps dictionary_csv dictionary_rows merged_dictionary "
            "would_send",
            "review_room": "ReviewRoom",
            "reviews": "Decision ReviewStore Tally",
            "stations": "ResultStations",
            "statistics": "FieldSummary figure summaries",
            "superseded": "Earlier EarlierObject",
            "table": "MeasurementRow MeasurementStore",
            "taking_back": "TakenBack TakingBack",
            "uids": "derive_uid",
            "validation": "validate",
            "warm": "warm_up",
        },
    )

__all__ = [
    "COLUMNS",
    "COMMITMENT",
    "Agreement",
    "Announced",
    "CannotDraw",
    "Compared",
    "Correction",
    "CorrectionDesk",
    "CorrectionRefused",
    "CorrectionStore",
    "Decision",
    "Deliverer",
    "DeliveryRefused",
    "DeliveryState",
    "DeliveryUnavailable",
    "Destination",
    "Earlier",
    "EarlierObject",
    "EncodeError",
    "FieldAgreement",
    "FieldFault",
    "FieldSummary",
    "FinishedRun",
    "Held",
    "KeptFile",
    "LabelMap",
    "Labels",
    "Ledger",
    "Made",
    "MadeObject",
    "MeasurementRow",
    "MeasurementStore",
    "Mismatch",
    "ObjectsInvalid",
    "Outgoing",
    "OutputError",
    "OutputFault",
    "Outputs",
    "Receipt",
    "RedcapOccupied",
    "RedcapOutlook",
    "RedcapPlaces",
    "RedcapRefused",
    "RedcapUnavailable",
    "Redcaps",
    "ResultJob",
    "ResultObject",
    "ResultStations",
    "ReviewRoom",
    "ReviewStore",
    "Row",
    "SegmentAgreement",
    "Shipment",
    "SourceSeries",
    "TakenBack",
    "TakingBack",
    "Tally",
    "agreement_with",
    "as_csv_table",
    "as_json_table",
    "as_parquet",
    "cells",
    "changes_told",
    "collected_told",
    "compare_runs",
    "derive_uid",
    "destination_of",
    "destinations_of",
    "dictionary_csv",
    "dictionary_rows",
    "encode",
    "export_corrections",
    "fields",
    "figure",
    "make_objects",
    "merged_dictionary",
    "outputs_of",
    "plotted",
    "read_grey",
    "read_outputs",
    "read_reference",
    "result_job_of",
    "segments",
    "summaries",
    "validate",
    "warm_up",
    "would_send",
    "write",
]
