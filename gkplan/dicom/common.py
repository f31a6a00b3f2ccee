"""What all our DICOM files share: patient, study, equipment, file meta and text rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER

MANUFACTURER = "gkplan"
# A fixed UUID: it tells our writer from pydicom's own.
_IMPLEMENTATION_UID = UID("2.25.317219183744530613094826733172461090753")

# What all files of a study have in common: may be empty, or may be absent.
_OF_STUDY = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "PatientBirthDate",
    "PatientSex",
    "PositionReferenceIndicator",
)
_OF_STUDY_IF_THERE = (
    "StudyDescription",
    "IssuerOfPatientID",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)


@dataclass(frozen=True, slots=True)
class Study:
    """The patient and study that the files of one export belong to.

    `images` is the header of one of the user's images, if the files are to join their study.
    """

    patient_name: str
    patient_id: str
    study_uid: UID
    frame_uid: UID
    when: datetime
    images: Dataset | None = None

    @classmethod
    def of(cls, case_name: str) -> Study:
        """A new study for the case; its patient can only be taken for a research object."""
        component = case_name.replace("^", "_").replace("=", "_")
        return cls(
            patient_name=short(f"GKPLAN^{component}"),
            patient_id=short(f"GKPLAN-{case_name}"),
            study_uid=generate_uid(),
            frame_uid=generate_uid(),
            when=datetime.now(),
        )

    @classmethod
    def on(cls, images: Dataset) -> Study:
        """The study, patient and frame of reference of the user's images."""
        return cls(
            patient_name=str(images.get("PatientName") or ""),
            patient_id=str(images.get("PatientID") or ""),
            study_uid=UID(str(images.StudyInstanceUID)),
            frame_uid=UID(str(images.get("FrameOfReferenceUID") or generate_uid())),
            when=datetime.now(),
            images=images,
        )


def short(text: str, most: int = 64) -> str:
    """`text` as a DICOM LO (64) or SH (16): one line, no backslash, not too long.

    The limit counts characters; staying below it in UTF-8 bytes suits readers that count bytes.
    """
    clean = "".join("_" if c == "\\" else c if c.isprintable() else " " for c in text)
    return clean.encode("utf-8")[:most].decode("utf-8", "ignore").strip()


def ds(value: float) -> str:
    """A number as a decimal string of at most 16 characters, as exact as these allow."""
    return str(format_number_as_ds(float(value)))


def ds_list(values: Iterable[float]) -> list[str]:
    return [ds(v) for v in values]


def mm(values: Iterable[float]) -> list[str]:
    """Coordinates whose noise below a millionth of a millimetre is dropped."""
    return [ds(round(float(v), 6) + 0.0) for v in values]


def new_dataset(study: Study, sop_class: UID, modality: str, series_number: int) -> Dataset:
    """A dataset with the modules that every IOD of ours has (patient to equipment)."""
    dataset = Dataset()
    day, time = study.when.strftime("%Y%m%d"), study.when.strftime("%H%M%S")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = day, time
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyDate, dataset.StudyTime = day, time
    dataset.SeriesDate, dataset.SeriesTime = day, time
    dataset.AccessionNumber = ""
    dataset.Modality = modality
    dataset.Manufacturer = MANUFACTURER
    dataset.InstitutionName = ""
    dataset.ReferringPhysicianName = ""
    dataset.OperatorsName = ""
    dataset.StationName = ""
    dataset.StudyDescription = DISCLAIMER
    dataset.SeriesDescription = f"{MANUFACTURER} {modality}"
    dataset.ManufacturerModelName = MANUFACTURER
    dataset.PatientName = study.patient_name
    dataset.PatientID = study.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Synthetic or research data"
    dataset.SoftwareVersions = __version__
    dataset.StudyInstanceUID = study.study_uid
    dataset.SeriesInstanceUID = generate_uid()
    dataset.StudyID = "1"
    dataset.SeriesNumber = series_number
    dataset.InstanceNumber = 1
    dataset.FrameOfReferenceUID = study.frame_uid
    dataset.PositionReferenceIndicator = ""
    if study.images is not None:
        _join(dataset, study.images)
    return dataset


def _join(dataset: Dataset, images: Dataset) -> None:
    """Say of patient and study what the user's images say: one study tells one story."""
    for keyword in _OF_STUDY:
        value = images.get(keyword)
        setattr(dataset, keyword, "" if value is None else str(value))
    for keyword in _OF_STUDY_IF_THERE:
        value = images.get(keyword)
        if value:
            setattr(dataset, keyword, str(value))
        elif keyword in dataset:
            delattr(dataset, keyword)


def reference(sop_class: UID, sop_instance: UID) -> Dataset:
    """The item of a reference sequence that points to one object."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item


def write(dataset: Dataset, path: Path) -> Path:
    """Write a file of explicit VR little endian under our own implementation name."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = short(f"GKPLAN_{__version__}", 16)
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    return path
